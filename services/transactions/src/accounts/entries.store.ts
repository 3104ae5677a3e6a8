import type { Shard } from '../shards/shard.ts';
import type { AccountId } from './account-id.ts';

export interface EntryRow {
  account_version: bigint;
  transfer_id: string;
  kind: string;
  amount_minor: bigint;
  balance_after_minor: bigint;
  created_at: string;
  counterparty: AccountId | null;
  reference: string | null;
  external_reference: string | null;
}

// All entries of a transfer on a shard are there with it. Two of them: each is the other's counterparty.
const SELECT = `
  SELECT e.account_version, e.transfer_id, t.kind, e.amount_minor, e.balance_after_minor,
         to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
         (SELECT CASE WHEN count(*) = 1 THEN (array_agg(other.account_id))[1] END
            FROM entries other WHERE other.transfer_id = e.transfer_id AND other.account_id <> e.account_id) AS counterparty,
         t.reference, t.external_reference
    FROM entries e JOIN transfers t ON t.id = e.transfer_id
   WHERE e.account_id = $1`;

/** Newest first, from before entry number `before`. */
export function listEntriesBefore(shard: Shard, id: AccountId, before: bigint | undefined, limit: number): Promise<EntryRow[]> {
  return shard.read<EntryRow>(
    `${SELECT} AND ($2::bigint IS NULL OR e.account_version < $2) ORDER BY e.account_version DESC LIMIT $3`,
    [id, before?.toString() ?? null, limit], 'list_entries_before');
}

/** Oldest first, from after entry number `after` to entry number `last`. */
export function listEntriesAfter(shard: Shard, id: AccountId, after: bigint, last: bigint, limit: number): Promise<EntryRow[]> {
  return shard.read<EntryRow>(
    `${SELECT} AND e.account_version > $2 AND e.account_version <= $3 ORDER BY e.account_version LIMIT $4`,
    [id, after.toString(), last.toString(), limit], 'list_entries_after');
}

export interface Stand {
  /** Number of the last entry; 0 before the first. */
  readonly version: bigint;
  readonly balanceMinor: bigint;
}

// Entries have no index by time, which every posting would pay for. Their times do not go back, so the last one at an instant is found by halving
// their numbers: 20 looks into the primary key for a million. Where a bucket has been away, some are on another shard: the next one here is looked at then.
const LAST_AT = `
  WITH RECURSIVE bounds AS (
    SELECT min(account_version) - 1 AS low, max(account_version) AS high FROM entries WHERE account_id = $1
  ), search AS (
    SELECT low, high FROM bounds WHERE high IS NOT NULL
    UNION ALL
    SELECT CASE WHEN middle.is_past THEN middle.version ELSE search.low END, CASE WHEN middle.is_past THEN search.high ELSE (search.low + search.high + 1) / 2 - 1 END
      FROM search
     CROSS JOIN LATERAL (
       SELECT account_version AS version, CASE WHEN $3 THEN created_at <= $2::timestamptz ELSE created_at < $2::timestamptz END AS is_past
         FROM entries WHERE account_id = $1 AND account_version >= (search.low + search.high + 1) / 2
        ORDER BY account_version LIMIT 1) AS middle
     WHERE search.low < search.high
  )
  SELECT e.account_version AS version, e.balance_after_minor AS balance_minor
    FROM search JOIN entries e ON e.account_id = $1 AND e.account_version = search.low
   WHERE search.low = search.high`;

/** Where an account stood at an instant, or just before it, as far as this shard knows: undefined if it has no entry as old as that. */
export async function standAt(shard: Shard, id: AccountId, instant: string, including: boolean): Promise<Stand | undefined> {
  const [row] = await shard.read<{ version: bigint; balance_minor: bigint }>(LAST_AT, [id, instant, including], 'stand_at');
  return row && { version: row.version, balanceMinor: row.balance_minor };
}

/** Where an account stood after an entry; undefined if that is on another shard. */
export async function standAfter(shard: Shard, id: AccountId, version: bigint): Promise<Stand | undefined> {
  const [row] = await shard.read<{ balance_minor: bigint }>(
    'SELECT balance_after_minor AS balance_minor FROM entries WHERE account_id = $1 AND account_version = $2', [id, version.toString()], 'stand_after');
  return row && { version, balanceMinor: row.balance_minor };
}

/** Whether an instant has come, by the clock of the ledger, and was not before another; with the clock, as RFC 3339. */
export async function readClock(shard: Shard, instant: string | undefined, opened: string): Promise<{ now: string; is_future: boolean; is_before: boolean }> {
  const [row] = await shard.read<{ now: string; is_future: boolean; is_before: boolean }>(
    `SELECT to_char(now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now, coalesce($1::timestamptz > now, false) AS is_future,
            coalesce($1::timestamptz < $2::timestamptz, false) AS is_before
       FROM clock_timestamp() AS now`, [instant ?? null, opened], 'read_clock');
  if (!row) throw new Error('the ledger does not tell the time');
  return row;
}
