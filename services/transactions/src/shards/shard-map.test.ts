import { expect, test } from '@jest/globals';
import { shardMapOf } from './shard-map.ts';

const rows = Array.from({ length: 1024 }, (_, bucket) => ({ bucket, shard: bucket < 512 ? 0 : 1, version: bucket === 7 ? 3n : 1n }));

test('a map has the version of its newest row', () => {
  const map = shardMapOf(rows, 2);
  expect(map.version).toBe(3n);
  expect([map.shardOfBucket[0], map.shardOfBucket[511], map.shardOfBucket[512], map.shardOfBucket[1023]]).toEqual([0, 0, 1, 1]);
});

test('a map with a hole, or of more shards than are configured, is not used', () => {
  expect(() => shardMapOf(rows.slice(1), 2)).toThrow('no row for bucket 0');
  expect(() => shardMapOf(rows, 1)).toThrow('LEDGER_SHARDS has 1');
});
