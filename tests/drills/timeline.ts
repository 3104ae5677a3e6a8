import type { Invocation } from '../faults/history.ts';

/** How long no write was acknowledged, on the shard where it was longest: from one acknowledgement to the next, of those that reach into the time between. Seconds. */
export function longestStandstill(invocations: readonly Invocation[], shardOf: (person: string) => number | undefined, fromMs: number, toMs: number): number {
  const acknowledged = invocations.filter(({ verdict, replayed }) => verdict === 'acknowledged' && !replayed);
  const shards = Map.groupBy(acknowledged, ({ person }) => shardOf(person));
  shards.delete(undefined);
  const gaps = [...shards.values()].map((ofShard) => {
    const times = ofShard.map(({ endMs }) => endMs).filter((endMs) => endMs <= toMs).toSorted((a, b) => a - b);
    const before = times.filter((time) => time <= fromMs).at(-1) ?? fromMs;
    const moments = [before, ...times.filter((time) => time > fromMs), toMs];
    return Math.max(...moments.slice(1).map((time, index) => time - (moments[index] ?? time)));
  });
  return Math.round(Math.max(0, ...gaps) / 100) / 10;
}
