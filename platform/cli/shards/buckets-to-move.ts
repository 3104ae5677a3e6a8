/**
 * Which buckets go to a shard, so many that it has `count` in the end: each time from the shard that has the most left, so that all come out alike, and its last
 * ones, so that what stays is in one piece. `bucketsOf`: the buckets of each shard.
 */
export function bucketsToMove(bucketsOf: ReadonlyMap<number, readonly number[]>, to: number, count: number): number[] {
  const left = new Map([...bucketsOf].filter(([shard]) => shard !== to).map(([shard, buckets]) => [shard, [...buckets]]));
  const chosen: number[] = [];
  for (let has = bucketsOf.get(to)?.length ?? 0; has < count; has++) {
    const fullest = [...left.values()].reduce((most, buckets) => (buckets.length > most.length ? buckets : most), []);
    const bucket = fullest.pop();
    if (bucket === undefined) break;
    chosen.push(bucket);
  }
  return chosen.sort((one, other) => one - other);
}
