import { describe, expect, test } from '@jest/globals';
import { shardMapOf, type Reading, type ShardMapRow } from './shard-map.ts';

/** Half and half, but for the buckets that are told otherwise. */
function reading(shard: number, otherwise: Record<number, Partial<ShardMapRow>> = {}): Reading {
  return { shard, rows: Array.from({ length: 1024 }, (_, bucket) => ({ bucket, shard: bucket < 512 ? 0 : 1, version: 1n, former_shards: [], ...otherwise[bucket] })) };
}

const left = { 7: { shard: 1, version: 2n, former_shards: [0] } };

test('a map has the version of its newest row', () => {
  const map = shardMapOf([reading(0, left), reading(1, left)], 2);
  expect(map.version).toBe(2n);
  expect([map.shardOfBucket[0], map.shardOfBucket[7], map.shardOfBucket[511], map.shardOfBucket[512]]).toEqual([0, 1, 0, 1]);
  expect(map.formerOfBucket[7]).toEqual([0]);
});

test('a map with a hole, or of more shards than are configured, is not used', () => {
  expect(() => shardMapOf([{ shard: 0, rows: reading(0).rows.slice(1) }], 2)).toThrow('no row for bucket 0');
  expect(() => shardMapOf([reading(0)], 1)).toThrow('LEDGER_SHARDS has 1');
});

describe('a bucket that moves', () => {
  test('is where it was until the other shard has taken it', () => {
    const before = shardMapOf([reading(0), reading(1)], 2);
    const moving = shardMapOf([reading(0, left), reading(1)], 2, before);
    expect(moving.shardOfBucket[7]).toBe(0);
    expect(shardMapOf([reading(0, left), reading(1, left)], 2, moving).shardOfBucket[7]).toBe(1);
  });

  test('is on the newer of two that both say they have it, as one was read before it left and the other after it came', () => {
    expect(shardMapOf([reading(0), reading(1, left)], 2).shardOfBucket[7]).toBe(1);
  });

  test('does not go back because a third shard has not heard, or the new one is away', () => {
    const after = shardMapOf([reading(0, left), reading(1, left)], 3);
    expect(shardMapOf([reading(2)], 3, after).shardOfBucket[7]).toBe(1);
    const away = shardMapOf([reading(0, left)], 3, after);
    expect([away.version, away.shardOfBucket[7]]).toEqual([2n, 1]);
  });

  test('is found by a replica that starts while the shard which has it is away', () => {
    expect(shardMapOf([reading(0, left)], 2).shardOfBucket[7]).toBe(1);
  });
});
