import { describe, expect, test } from '@jest/globals';
import { endBeforeWokenShards, type Restored } from './woken-shard.ts';

const AT = '2026-01-31 12:00:00.500000+00';
const AT_MS = Date.parse('2026-01-31T12:00:00.500Z');

/** Databases of which core's answers when it took in the first event that a shard lacks, by shard. */
function restored(firstBeyond: readonly string[], asked: string[] = []): Restored {
  return {
    core: { sql: (_database, sql) => (asked.push(sql), Promise.resolve(firstBeyond[Number(/shard = (\d)/.exec(sql)?.[1])] ?? '')) },
    ledgers: firstBeyond.map(() => ({ sql: () => Promise.resolve('3|2186') })),
  };
}

describe('a shard that has just woken, and whose last WAL is not archived yet', () => {
  test('what core knows of it could be taken for lost: all clusters end before core took in the first of it', async () => {
    const asked: string[] = [];
    expect(await endBeforeWokenShards(restored(['', String(AT_MS - 2_000)], asked), AT)).toBe('2026-01-31 11:59:58.499000+00');
    expect(asked[1]).toMatch(/shard = 1 AND epoch = 3 AND event_sequence > 2186$/);
  });
  test('of two the later one could be gone by', async () => {
    expect(await endBeforeWokenShards(restored([String(AT_MS - 1_000), String(AT_MS - 9_000)]), AT)).toBe('2026-01-31 11:59:51.499000+00');
  });
  test('could be seen where every ledger has all that core knows of', async () => {
    expect(await endBeforeWokenShards(restored(['', '']), AT)).toBeUndefined();
  });
  test('could excuse what has been missing for longer than WAL is on its way', async () => {
    expect(await endBeforeWokenShards(restored([String(AT_MS - 121_000)]), AT)).toBeUndefined();
  });
});
