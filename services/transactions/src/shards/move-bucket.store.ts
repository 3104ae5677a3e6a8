import type { Shard } from './shard.ts';

/** What a shard's map says of one bucket. */
export interface Line {
  readonly bucket: number;
  readonly holder: number;
  readonly version: bigint;
  readonly former: readonly number[];
}

export async function readLine(shard: Shard, bucket: number): Promise<Line> {
  const [row] = await shard.read<{ shard: number; version: bigint; former_shards: number[] }>(
    'SELECT shard, version, former_shards FROM shard_map WHERE bucket = $1', [bucket], 'read_line');
  if (!row) throw new Error(`shard ${shard.number} has no line for bucket ${bucket}`);
  return { bucket, holder: row.shard, version: row.version, former: row.former_shards };
}

export async function listCurrencies(shard: Shard, bucket: number): Promise<string[]> {
  const rows = await shard.read<{ currency: string }>('SELECT DISTINCT currency FROM bucket_accounts($1)', [bucket], 'bucket_currencies');
  return rows.map(({ currency }) => currency);
}

export async function listAccountIds(shard: Shard, bucket: number): Promise<string[]> {
  const rows = await shard.read<{ id: string }>('SELECT id FROM bucket_accounts($1)', [bucket], 'bucket_account_ids');
  return rows.map(({ id }) => id);
}

export async function readClock(shard: Shard): Promise<string> {
  const [row] = await shard.read<{ now: string }>('SELECT clock_timestamp()::text AS now', [], 'bucket_clock');
  if (!row) throw new Error('a shard does not tell the time');
  return row.now;
}

interface KeyRow {
  scope: string; key: string; request_hash: Buffer; outcome: string; operation: string; subject_id: string; created_at: string;
}

/**
 * Copies the keys of a bucket, all of them or those since an instant. A key that is there is the same one. A minute is looked back beyond that instant, as a
 * key has the time of its claim and is seen after its commit. The times of answers go along: the transfers and holds that have them stay behind.
 */
export async function copyKeys(source: Shard, destination: Shard, bucket: number, since: string | undefined): Promise<void> {
  const keys = await source.read<KeyRow>(
    `SELECT k.scope, k.key, k.request_hash, k.outcome, k.operation, k.subject_id,
            coalesce(t.created_at, CASE WHEN k.operation = 'hold' THEN h.created_at ELSE h.closed_at END, k.created_at)::text AS created_at
       FROM idempotency_keys k
       LEFT JOIN transfers t ON t.id = k.subject_id AND k.outcome = 'posted' AND k.operation IN ('transfer', 'capture')
       LEFT JOIN holds h ON h.id = k.subject_id AND k.outcome = 'posted' AND k.operation IN ('hold', 'void', 'expire')
      WHERE k.bucket = $1 AND k.created_at >= coalesce($2::timestamptz - interval '1 minute', '-infinity')`, [bucket, since ?? null], 'bucket_keys');
  if (keys.length === 0) return;
  await destination.write(
    `INSERT INTO idempotency_keys (scope, key, bucket, request_hash, outcome, operation, subject_id, created_at)
     SELECT k.scope, k.key, $1, k.hash, k.outcome, k.operation, k.subject, k.at
       FROM unnest($2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[]) AS k (scope, key, hash, outcome, operation, subject, at)
     ON CONFLICT DO NOTHING`,
    [
      bucket, keys.map(({ scope }) => scope), keys.map(({ key }) => key), keys.map(({ request_hash }) => request_hash), keys.map(({ outcome }) => outcome),
      keys.map(({ operation }) => operation), keys.map(({ subject_id }) => subject_id), keys.map(({ created_at }) => created_at),
    ], 'copy_keys');
}

/** Transfers that took money from accounts of the bucket and are on their way to another shard. */
export async function countSentBy(shard: Shard, bucket: number): Promise<bigint> {
  const [row] = await shard.read<{ sent: bigint }>(
    `SELECT count(*) AS sent FROM outgoing_transfers o
      WHERE o.state = 'sent' AND EXISTS (SELECT FROM entries e WHERE e.transfer_id = o.transfer_id AND e.amount_minor < 0 AND bucket_of(e.account_id) = $1)`,
    [bucket], 'bucket_sent');
  return row?.sent ?? 0n;
}

export async function leaveBucket(shard: Shard, bucket: number, destination: number): Promise<Line> {
  const [row] = await shard.write<{ new_version: bigint; former: number[] }>('SELECT new_version, former FROM leave_bucket($1, $2)', [bucket, destination], 'leave_bucket');
  if (!row) throw new Error(`shard ${shard.number} does not say whether it has left bucket ${bucket}`);
  return { bucket, holder: destination, version: row.new_version, former: row.former };
}

export async function keepBucket(shard: Shard, bucket: number): Promise<void> {
  await shard.write('SELECT keep_bucket($1)', [bucket], 'keep_bucket');
}

/** The accounts and open holds of a bucket as JSON, which is never made numbers of here: a double has fewer digits than a balance. */
export async function readBucket(shard: Shard, bucket: number, transferIds: string): Promise<{ accounts: string; holds: string }> {
  const [row] = await shard.read<{ accounts: string; holds: string }>(
    `SELECT (SELECT coalesce(jsonb_agg(to_jsonb(a) || jsonb_build_object('transfer_id', $2::jsonb->>a.id::text)), '[]')::text FROM bucket_accounts($1) a) AS accounts,
            (SELECT coalesce(jsonb_agg(to_jsonb(h)), '[]')::text FROM holds h
              WHERE h.status = 'open' AND h.debit_account IN (SELECT id FROM bucket_accounts($1))) AS holds`, [bucket, transferIds], 'read_bucket');
  if (!row) throw new Error(`shard ${shard.number} does not tell of bucket ${bucket}`);
  return row;
}

export async function takeBucket(shard: Shard, { bucket, version, former }: Line, accounts: string, holds: string): Promise<void> {
  await shard.write('SELECT take_bucket($1, $2, $3::int[], $4::jsonb, $5::jsonb, NULL)', [bucket, version.toString(), former, accounts, holds], 'take_bucket');
}

export async function clearBucket(shard: Shard, bucket: number, transferIds: string): Promise<void> {
  await shard.write('SELECT clear_bucket($1, $2::jsonb, NULL)', [bucket, transferIds], 'clear_bucket');
}

export async function tellOfBucket(shard: Shard, { bucket, holder, version, former }: Line): Promise<void> {
  await shard.write('SELECT hear_of_bucket($1, $2, $3, $4::int[])', [bucket, holder, version.toString(), former], 'hear_of_bucket');
}

/** Whether the lock that a step needs was not to be had in its time; nothing was done then. */
export function isLockTimeout(cause: unknown): boolean {
  return (cause as { code?: unknown } | null)?.code === '55P03';
}
