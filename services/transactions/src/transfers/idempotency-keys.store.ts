import type { Shard } from '../shards/shard.ts';

/** Deletes up to `limit` keys that are older than some days; returns how many there were. */
export async function deleteOldKeys(shard: Shard, days: number, limit: number): Promise<number> {
  const [row] = await shard.write<{ deleted: bigint }>(
    `WITH old AS (
       SELECT id FROM idempotency_keys WHERE created_at < clock_timestamp() - make_interval(days => $1) LIMIT $2 FOR UPDATE SKIP LOCKED
     ), deleted AS (
       DELETE FROM idempotency_keys USING old WHERE idempotency_keys.id = old.id RETURNING 1
     )
     SELECT count(*) AS deleted FROM deleted`, [days, limit], 'delete_old_keys');
  return Number(row?.deleted ?? 0n);
}
