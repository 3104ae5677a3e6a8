import { BUCKETS } from '../accounts/account-id.ts';

/** Which shard holds each bucket, as one version of the map says. */
export interface ShardMap {
  readonly version: bigint;
  readonly shardOfBucket: readonly number[];
}

/**
 * Makes a map of its rows, which must name every bucket once and only shards that are configured: with a hole in it, money of
 * some people would be looked for in the wrong place.
 */
export function shardMapOf(rows: readonly { bucket: number; shard: number; version: bigint }[], shards: number): ShardMap {
  const shardOfBucket = new Array<number>(BUCKETS).fill(-1);
  let version = 0n;
  for (const row of rows) {
    if (row.shard >= shards) throw new Error(`the shard map puts bucket ${row.bucket} on shard ${row.shard}, but LEDGER_SHARDS has ${shards}`);
    shardOfBucket[row.bucket] = row.shard;
    if (row.version > version) version = row.version;
  }
  const missing = shardOfBucket.indexOf(-1);
  if (missing >= 0) throw new Error(`the shard map has no row for bucket ${missing}`);
  return { version, shardOfBucket };
}
