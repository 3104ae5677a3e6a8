import { randomInt } from 'node:crypto';
import { millisecondsOf } from '../../platform/cli/recover/cut.ts';

const DAY_MS = 86_400_000;

/**
 * A random second of the last day that the backups reach, or nothing where they reach none: after the end of the first backup of every cluster, before the last
 * transaction that can be restored. Random, so that no stretch of WAL stays untried for long.
 */
export function randomSecond(firstBackupEnds_ms: readonly number[], end: string, random: (below: number) => number = randomInt): string | undefined {
  const until = Math.floor(millisecondsOf(end) / 1000);
  const from = Math.ceil(Math.max(...firstBackupEnds_ms, until * 1000 - DAY_MS) / 1000) + 1;
  if (from >= until) return undefined;
  return asPostgresWritesIt(from + random(until - from));
}

/** A moment before which every transaction that was to commit has, or never will: writers wait for 20 s at most. */
export function settledBefore(point: string): string {
  return asPostgresWritesIt(Math.floor(millisecondsOf(point) / 1000) - 60);
}

/** The moment before this one, both to the millisecond. */
export function justBefore(ms: number): string {
  return new Date(ms - 1).toISOString().replace('T', ' ').replace('Z', '000+00');
}

function asPostgresWritesIt(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace(/\.000Z$/, '.000000+00');
}
