import type { Shard } from '../shards/shard.ts';

/** What the shard's clock says, and the horizon as it was last written down; in milliseconds since 1970. */
export async function readHorizon(shard: Shard): Promise<{ clock_ms: number; kept_ms: number }> {
  const [row] = await shard.read<{ clock_ms: number; kept_ms: number }>(
    `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS clock_ms, extract(epoch FROM forgotten_until)::float8 * 1000 AS kept_ms FROM keys_horizon`, [], 'read_horizon');
  if (!row) throw new Error(`shard ${shard.number} does not say up to when its keys may be forgotten`);
  return row;
}

export async function keepHorizon(shard: Shard, until: Date): Promise<void> {
  await shard.write('UPDATE keys_horizon SET forgotten_until = $1', [until], 'keep_horizon');
}

/** Deletes up to `limit` keys that are older than an instant; returns how many there were. */
export async function deleteKeysBefore(shard: Shard, instant: Date, limit: number): Promise<number> {
  const [row] = await shard.write<{ deleted: bigint }>(
    `WITH old AS (
       SELECT id FROM idempotency_keys WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
     ), deleted AS (
       DELETE FROM idempotency_keys USING old WHERE idempotency_keys.id = old.id RETURNING 1
     )
     SELECT count(*) AS deleted FROM deleted`, [instant, limit], 'delete_old_keys');
  return Number(row?.deleted ?? 0n);
}
