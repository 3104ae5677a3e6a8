import type { Connection } from '@holdfast/kit/postgres';
import { readBlocks, readHashes } from '../log/log.store.ts';
import { BLOCK_ENTRIES, combine, leafHash, subtreesOf } from '../tree/merkle.ts';

const BLOCK_LEVEL = Math.log2(BLOCK_ENTRIES);

/** The hashes that stand for entries `from` to `to` (exclusive) where these are not shown: of the largest whole subtrees that they fall into. */
export async function hiddenSubtrees(connection: Connection, from: number, to: number): Promise<string[]> {
  const hashes: string[] = [];
  for (const { start, level } of subtreesOf(from, to)) hashes.push((await subtreeHash(connection, start, level)).toString('hex'));
  return hashes;
}

async function subtreeHash(connection: Connection, start: number, level: number): Promise<Buffer> {
  if (level < BLOCK_LEVEL) return ofEntries(connection, start, 2 ** level);
  const first = start / BLOCK_ENTRIES;
  const count = 2 ** (level - BLOCK_LEVEL);
  const stored = await readBlocks(connection, first, first + count);
  const blocks: Buffer[] = [];
  // Those since the last checkpoint are not stored yet.
  for (let block = first; block < first + count; block++) blocks.push(stored.get(block) ?? await ofEntries(connection, block * BLOCK_ENTRIES, BLOCK_ENTRIES));
  return combine(blocks);
}

async function ofEntries(connection: Connection, start: number, count: number): Promise<Buffer> {
  const hashes = await readHashes(connection, BigInt(start), BigInt(start + count));
  if (hashes.length !== count) throw new Error(`of entries ${start} to ${start + count - 1} there are ${hashes.length}: see ./holdfast audit verify`);
  return combine(hashes.map(leafHash));
}
