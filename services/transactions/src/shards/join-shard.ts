import { tellOfBucket } from './move-bucket.store.ts';
import { NotMoved } from './move-bucket.ts';
import type { Shard } from './shard.ts';
import { readShardMap, readShardNumber } from './shards.store.ts';

/**
 * Tells a shard that has just joined where the buckets are, those that have moved since the beginning above all: its own map is that of the first day, and whoever
 * starts while the others are away would believe it. Returns how many lines were news. Again it changes nothing.
 */
export async function joinShard(shards: readonly Shard[], number: number): Promise<number> {
  const joined = shards[number];
  if (!joined) throw new NotMoved(`there is no shard ${number}: the ledger has ${shards.length}, from 0`);
  const says = await readShardNumber(joined);
  if (says !== number) throw new Error(`the database in place ${number} says that it is shard ${says ?? 'none'}`);
  const known = new Map((await readShardMap(joined)).map(({ bucket, version }) => [bucket, version]));
  let news = 0;
  for (const shard of shards.filter((other) => other !== joined)) {
    for (const { bucket, shard: holder, version, former_shards: former } of await readShardMap(shard)) {
      // Only who has a bucket says where it is: between two others it is on its way.
      if (holder !== shard.number || version <= (known.get(bucket) ?? 0n)) continue;
      await tellOfBucket(joined, { bucket, holder, version, former });
      news += 1;
    }
  }
  return news;
}
