import { BUCKETS } from '../accounts/account-id.ts';

/** Which shard holds each bucket, as far as is known. */
export interface ShardMap {
  readonly version: bigint;
  readonly shardOfBucket: readonly number[];
  /** Where each bucket was before, oldest first. */
  readonly formerOfBucket: readonly (readonly number[])[];
  readonly versionOfBucket: readonly bigint[];
}

export interface ShardMapRow {
  readonly bucket: number;
  readonly shard: number;
  readonly version: bigint;
  readonly former_shards: readonly number[];
}

/** The whole map as one shard has it. */
export interface Reading {
  readonly shard: number;
  readonly rows: readonly ShardMapRow[];
}

/**
 * Makes one map of what the shards say, and of what was known before. A bucket is where a shard says that it has it itself: the newest of them, if one
 * has heard late. While a bucket moves, the shard that leaves it says no more and the other one not yet: then it is still where it was.
 * A map must name every bucket, and only shards that are configured: with a hole in it, money of some people would be looked for in the wrong place.
 */
export function shardMapOf(readings: readonly Reading[], shards: number, known?: ShardMap): ShardMap {
  const shardOfBucket: number[] = [];
  const formerOfBucket: (readonly number[])[] = [];
  const versionOfBucket: bigint[] = [];
  const rows = readings.flatMap((reading) => reading.rows.map((row) => ({ ...row, isOwn: row.shard === reading.shard })));
  for (const row of rows) {
    if (row.shard >= shards) throw new Error(`the shard map puts bucket ${row.bucket} on shard ${row.shard}, but LEDGER_SHARDS has ${shards}`);
  }
  const ofBucket = Map.groupBy(rows, ({ bucket }) => bucket);
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const told = (ofBucket.get(bucket) ?? []).toSorted((one, other) => Number(other.version - one.version));
    const [newest] = told;
    if (!newest) throw new Error(`the shard map has no row for bucket ${bucket}`);
    const own = told.find(({ isOwn }) => isOwn);
    const knownVersion = known?.versionOfBucket[bucket] ?? 0n;
    const knownShard = known?.shardOfBucket[bucket];
    const isNews = own !== undefined && own.version >= knownVersion;
    shardOfBucket[bucket] = isNews ? own.shard : knownShard ?? newest.shard;
    versionOfBucket[bucket] = isNews ? own.version : knownShard === undefined ? newest.version : knownVersion;
    formerOfBucket[bucket] = isNews ? own.former_shards : known?.formerOfBucket[bucket] ?? newest.former_shards;
  }
  const version = versionOfBucket.reduce((highest, each) => (each > highest ? each : highest), 0n);
  return { version, shardOfBucket, formerOfBucket, versionOfBucket };
}
