import { randomFillSync } from 'node:crypto';

// Drawn in bulk: asking the system for eight bytes costs as much as for four thousand.
const pool = Buffer.alloc(4_096);
let drawn = pool.length;

/** Bytes from the system's generator. They are a view of a pool that is soon drawn anew: copy what is to be kept. */
export function randomView(length: number): Buffer {
  if (drawn + length > pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  drawn += length;
  return pool.subarray(drawn - length, drawn);
}
