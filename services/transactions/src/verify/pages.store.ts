// What the verifier reads: a page a statement. Each statement sees one moment, and no longer than it takes: a snapshot of the whole verification
// would for its minutes keep every old version of every balance, and a hot account would have to wade through them.

/** What a page is asked of: the leader of a shard. */
export interface Reader {
  query<Row extends object>(sql: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
}

export const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

export interface EntryRow {
  account_id: string; account_version: bigint; balance_after_minor: bigint; currency: string; account_currency: string | null;
  before_version: bigint; before_balance: bigint; amount_minor: bigint; place: bigint; is_last: boolean; is_wrong: boolean;
}

/** The entries after one, in the order of account and version: those that do not follow from the one before, and the last of the page. */
export function readChain(reader: Reader, after: { account: string; version: bigint; balanceMinor: bigint }, limit: number): Promise<EntryRow[]> {
  return reader.query<EntryRow>(
    `SELECT * FROM (
       SELECT page.account_id, account_version, balance_after_minor, page.currency, accounts.currency AS account_currency, amount_minor,
              before_version, before_balance, place, is_last,
              account_version <> before_version + 1 OR balance_after_minor::numeric <> before_balance::numeric + amount_minor
              OR page.currency IS DISTINCT FROM accounts.currency AS is_wrong
         FROM (SELECT *,
                      lag(account_version, 1, CASE WHEN account_id = $1::uuid THEN $2::bigint ELSE 0 END) OVER of_account AS before_version,
                      lag(balance_after_minor, 1, CASE WHEN account_id = $1::uuid THEN $3::bigint ELSE 0 END) OVER of_account AS before_balance,
                      row_number() OVER whole AS place, lead(account_version) OVER whole IS NULL AS is_last
                 FROM (SELECT account_id, account_version, currency, amount_minor, balance_after_minor FROM entries
                        WHERE (account_id, account_version) > ($1::uuid, $2::bigint) ORDER BY account_id, account_version LIMIT $4) AS entry
               WINDOW of_account AS (PARTITION BY account_id ORDER BY account_version), whole AS (ORDER BY account_id, account_version)) AS page
         LEFT JOIN accounts ON accounts.id = page.account_id) AS seen
      WHERE is_last OR is_wrong
      ORDER BY place`,
    [after.account, after.version.toString(), after.balanceMinor.toString(), limit], 'verify_chain');
}

export interface AccountRow {
  id: string; version: bigint; balance_minor: bigint; held_minor: bigint;
  last_version: bigint | null; last_balance: bigint | null; on_hold: string; is_wrong: boolean; is_last: boolean; place: bigint;
}

/** Accounts after one, in order: those that are not as their last entry and their open holds say, and the last of the page. */
export function readAccountHeads(reader: Reader, after: string, limit: number): Promise<AccountRow[]> {
  return reader.query<AccountRow>(
    `SELECT * FROM (
       SELECT account.id, version, balance_minor, held_minor, last.account_version AS last_version, last.balance_after_minor AS last_balance, on_hold::text,
              version <> coalesce(last.account_version, 0) OR balance_minor <> coalesce(last.balance_after_minor, 0) OR held_minor <> on_hold AS is_wrong,
              row_number() OVER whole AS place, lead(account.id) OVER whole IS NULL AS is_last
         FROM (SELECT id, version, balance_minor, held_minor FROM accounts WHERE id > $1 ORDER BY id LIMIT $2) AS account
         LEFT JOIN LATERAL (SELECT account_version, balance_after_minor FROM entries WHERE account_id = account.id ORDER BY account_version DESC LIMIT 1) AS last ON true
        CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS on_hold FROM holds WHERE debit_account = account.id AND status = 'open') AS held
       WINDOW whole AS (ORDER BY account.id)) AS seen
      WHERE is_last OR is_wrong
      ORDER BY place`,
    [after, limit], 'verify_accounts');
}

export interface TransferRow {
  id: string; is_transfer: boolean; entries: bigint; is_unbalanced: boolean; kind: string | null; reverses: string | null; hold_id: string | null;
}

/** Where the page of transfers after one ends. */
export async function endOfTransfers(reader: Reader, after: string, limit: number): Promise<{ last: string; isEnd: boolean }> {
  const [row] = await reader.query<{ id: string }>('SELECT id FROM transfers WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1', [after, limit - 1], 'verify_transfers_end');
  return { last: row?.id ?? HIGHEST_ID, isEnd: !row };
}

/** Transfers of a range of ids that have to be looked at: their entries are wrong or without them, or they depend on other rows. */
export function readTransfers(reader: Reader, after: string, last: string): Promise<TransferRow[]> {
  return reader.query<TransferRow>(
    `SELECT coalesce(transfer.id, entry.transfer_id) AS id, transfer.id IS NOT NULL AS is_transfer, coalesce(entries, 0)::bigint AS entries,
            coalesce(is_unbalanced, false) AS is_unbalanced, kind, reverses, hold_id
       FROM (SELECT id, kind, reverses, hold_id FROM transfers WHERE id > $1 AND id <= $2) AS transfer
       FULL JOIN (SELECT transfer_id, sum(entries) AS entries, bool_or(sum_minor <> 0) AS is_unbalanced
                    FROM (SELECT transfer_id, currency, count(*) AS entries, sum(amount_minor) AS sum_minor FROM entries
                           WHERE transfer_id > $1 AND transfer_id <= $2 GROUP BY transfer_id, currency) AS of_currency
                   GROUP BY transfer_id) AS entry ON entry.transfer_id = transfer.id
      WHERE transfer.id IS NULL OR coalesce(entries, 0) < 2 OR is_unbalanced OR reverses IS NOT NULL OR hold_id IS NOT NULL OR kind = 'transit_in'`,
    [after, last], 'verify_transfers');
}

/** How many there are, and a sum over all ids by which two sets are known to be the same. */
export interface Fingerprint { count: bigint; sum: bigint }

/** Of the transfers of a range that were posted before a moment. `rows`: all of them. */
export async function readTransferPrint(reader: Reader, after: string, last: string, before: string): Promise<Fingerprint & { rows: bigint }> {
  const [row] = await reader.query<{ rows: bigint; count: bigint; sum: string }>(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE created_at < $3) AS count, coalesce(sum(uuid_hash_extended(id, 0)) FILTER (WHERE created_at < $3), 0)::text AS sum
       FROM transfers WHERE id > $1 AND id <= $2`, [after, last, before], 'verify_transfers_print');
  return { rows: row?.rows ?? 0n, count: row?.count ?? 0n, sum: BigInt(row?.sum ?? 0) };
}

export interface ReversalRow {
  id: string; kind: string; reverses: string; original_kind: string | null; is_whole: boolean; others: bigint;
}

export function readReversals(reader: Reader, ids: readonly string[]): Promise<ReversalRow[]> {
  return reader.query<ReversalRow>(
    `SELECT transfer.id, transfer.kind, transfer.reverses, original.kind AS original_kind,
            ${grossOf('transfer.id')} IS NOT DISTINCT FROM ${grossOf('original.id')} AS is_whole,
            (SELECT count(*) FROM transfers AS other WHERE other.reverses = transfer.reverses AND other.id <> transfer.id) AS others
       FROM transfers AS transfer LEFT JOIN transfers AS original ON original.id = transfer.reverses
      WHERE transfer.id = ANY ($1)`, [ids], 'verify_reversals');
}

/** What a transfer moved, by currency. */
function grossOf(id: string): string {
  return `(SELECT jsonb_object_agg(currency, sum_minor) FROM (
             SELECT currency, sum(amount_minor) AS sum_minor FROM entries WHERE transfer_id = ${id} AND amount_minor > 0 GROUP BY currency) AS credits)`;
}

export interface HoldRow {
  id: string; status: string; debit_account: string; captured_minor: bigint; captures: bigint; captured_in: string | null;
  account_currency: string | null; currency: string; is_wrong: boolean; is_last: boolean; place: bigint;
}

/** Holds after one, in order: those that do not fit their transfer or account, and the last of the page. */
export function readHolds(reader: Reader, after: string, limit: number): Promise<HoldRow[]> {
  return reader.query<HoldRow>(
    `SELECT * FROM (
       SELECT hold.id, hold.status, hold.debit_account, hold.captured_minor, capture.captures, capture.captured_in, accounts.currency AS account_currency, hold.currency,
              capture.captures <> (CASE hold.status WHEN 'captured' THEN 1 ELSE 0 END) OR capture.captured_in <> hold.captured_minor::text
              OR accounts.currency IS DISTINCT FROM hold.currency AS is_wrong,
              row_number() OVER whole AS place, lead(hold.id) OVER whole IS NULL AS is_last
         FROM (SELECT * FROM holds WHERE id > $1 ORDER BY id LIMIT $2) AS hold
         LEFT JOIN accounts ON accounts.id = hold.debit_account
        CROSS JOIN LATERAL (SELECT count(DISTINCT transfers.id) AS captures, sum(amount_minor)::text AS captured_in
                              FROM transfers LEFT JOIN entries ON entries.transfer_id = transfers.id AND amount_minor > 0 WHERE hold_id = hold.id) AS capture
       WINDOW whole AS (ORDER BY hold.id)) AS seen
      WHERE is_last OR is_wrong
      ORDER BY place`,
    [after, limit], 'verify_holds');
}

export interface KeyRow {
  id: string; scope: string; key: string; operation: string; subject_id: string; is_twice: boolean; is_wrong: boolean; is_last: boolean; place: bigint;
}

/** Keys after one, in order: those that are there twice or whose subject is not, and the last of the page. */
export function readKeys(reader: Reader, after: string, limit: number): Promise<KeyRow[]> {
  return reader.query<KeyRow>(
    `SELECT *, is_twice OR lacks_subject AS is_wrong FROM (
       SELECT claim.id, claim.scope, claim.key, operation, subject_id,
              coalesce(lag(claim.id) OVER whole = claim.id, false) AS is_twice,
              outcome = 'posted' AND coalesce(transfers.id, holds.id, accounts.id) IS NULL AS lacks_subject,
              row_number() OVER whole AS place, lead(claim.id) OVER whole IS NULL AS is_last
         FROM (SELECT id, scope, key, operation, subject_id, outcome FROM idempotency_keys WHERE id > $1 ORDER BY id LIMIT $2) AS claim
         LEFT JOIN transfers ON operation IN ('transfer', 'capture') AND transfers.id = subject_id
         LEFT JOIN holds ON operation IN ('hold', 'void', 'expire') AND holds.id = subject_id
         LEFT JOIN accounts ON operation NOT IN ('transfer', 'capture', 'hold', 'void', 'expire') AND accounts.id = subject_id
       WINDOW whole AS (ORDER BY claim.id)) AS seen
      WHERE is_last OR is_twice OR lacks_subject
      ORDER BY place`,
    [after, limit], 'verify_keys');
}

export interface OutboxPage { rows: bigint; last: bigint | null; count: bigint; sum: bigint; wrong: readonly { id: string; event: string; transfer: string | null; why: string }[] }

/** Events after one, in the order in which they were written: a fingerprint of those of transfers from before a moment, and those that tell what is not so. */
export async function readOutbox(reader: Reader, after: bigint, before: string, limit: number): Promise<OutboxPage> {
  const [row] = await reader.query<{ rows: bigint; last: bigint | null; count: bigint; sum: string; wrong: OutboxPage['wrong'] }>(
    `SELECT count(*) AS rows, max(id) AS last,
            count(*) FILTER (WHERE posted AND occurred_at < $3) AS count,
            coalesce(sum(uuid_hash_extended(transfer_id, 0)) FILTER (WHERE posted AND occurred_at < $3), 0)::text AS sum,
            coalesce(jsonb_agg(jsonb_build_object('id', id::text, 'event', event_id, 'transfer', transfer_id, 'why', why)) FILTER (WHERE why IS NOT NULL), '[]') AS wrong
       FROM (SELECT event.*, CASE WHEN NOT posted THEN NULL
                                  WHEN transfers.id IS NULL THEN 'tells of a transfer that is not there'
                                  WHEN told.entries IS DISTINCT FROM stands.entries THEN 'tells other entries than the transfer has' END AS why
               FROM (SELECT id, event_id, occurred_at, data, type = 'transfer.posted' AS posted,
                            CASE WHEN type = 'transfer.posted' AND pg_input_is_valid(data->>'transfer_id', 'uuid') THEN (data->>'transfer_id')::uuid END AS transfer_id
                       FROM outbox WHERE id > $1 ORDER BY id LIMIT $2) AS event
               LEFT JOIN transfers ON transfers.id = event.transfer_id
               LEFT JOIN LATERAL (
                 SELECT string_agg(concat_ws(' ', told->>'account_id', told->>'version', told->>'amount', told->>'currency', told->>'balance'), ',' ORDER BY told->>'account_id') AS entries
                   FROM jsonb_array_elements(CASE WHEN posted AND jsonb_typeof(data->'entries') = 'array' THEN data->'entries' ELSE '[]' END) AS told) AS told ON true
               LEFT JOIN LATERAL (
                 SELECT string_agg(concat_ws(' ', account_id, account_version, amount_minor, currency, balance_after_minor), ',' ORDER BY account_id) AS entries
                   FROM entries WHERE entries.transfer_id = transfers.id) AS stands ON true) AS seen`,
    [after.toString(), limit, before], 'verify_outbox');
  return row ? { ...row, sum: BigInt(row.sum) } : { rows: 0n, last: null, count: 0n, sum: 0n, wrong: [] };
}

/** Transfers without an event, or with several: the whole of both tables, asked only when their fingerprints differ. */
export function readUntold(reader: Reader): Promise<{ id: string; events: bigint }[]> {
  return reader.query(
    `SELECT transfers.id, coalesce(events, 0)::bigint AS events
       FROM transfers LEFT JOIN (SELECT data->>'transfer_id' AS transfer_id, count(*) AS events FROM outbox WHERE type = 'transfer.posted' GROUP BY 1) AS told
         ON told.transfer_id = transfers.id::text
      WHERE events IS DISTINCT FROM 1 LIMIT 1000`, [], 'verify_untold');
}

export interface StreamRow { epoch: number; last_sequence: bigint; published_sequence: bigint; shard: number; now: string }

/** The watermarks of the shard, and a moment before which all that was begun has long ended. */
export async function readStream(reader: Reader): Promise<StreamRow | undefined> {
  const [row] = await reader.query<StreamRow>(
    `SELECT shard, epoch, last_sequence, published_sequence, (clock_timestamp() - interval '1 minute')::text AS now FROM event_stream`, [], 'verify_stream');
  return row;
}

export interface SequenceRow { epoch: number; sequence: bigint; before: bigint; place: bigint; is_wrong: boolean; is_last: boolean }

/** Numbers of events after one, in order: those that do not follow the one before, and the last of the page. */
export function readSequence(reader: Reader, after: { epoch: number; sequence: bigint }, limit: number): Promise<SequenceRow[]> {
  return reader.query<SequenceRow>(
    `SELECT * FROM (
       SELECT epoch, sequence, lag(sequence, 1, $2::bigint) OVER whole AS before, row_number() OVER whole AS place,
              sequence <> lag(sequence, 1, $2::bigint) OVER whole + 1 AS is_wrong, lead(sequence) OVER whole IS NULL AS is_last
         FROM (SELECT epoch, sequence FROM outbox WHERE sequence IS NOT NULL AND (epoch, sequence) > ($1::int, $2::bigint) ORDER BY epoch, sequence LIMIT $3) AS page
       WINDOW whole AS (ORDER BY epoch, sequence)) AS seen
      WHERE is_last OR is_wrong
      ORDER BY place`,
    [after.epoch, after.sequence.toString(), limit], 'verify_sequence');
}

export async function readSums(reader: Reader): Promise<{ currency: string; accounts: bigint; sum: bigint }[]> {
  const rows = await reader.query<{ currency: string; accounts: bigint; sum: string }>(
    'SELECT currency, count(*) AS accounts, sum(balance_minor)::text AS sum FROM accounts GROUP BY currency', [], 'verify_sums');
  return rows.map((row) => ({ ...row, sum: BigInt(row.sum) }));
}

export interface OutgoingRow {
  transfer_id: string; state: string; legs: readonly { account: string; amount: string }[]; in_transit: string | null; returned: string | null; returns: bigint;
}

/** What left for other shards, after one, in order: with what its transfer left in transit here, and what its return took back. */
export function readOutgoing(reader: Reader, after: string, limit: number): Promise<OutgoingRow[]> {
  const inTransit = (transfers: string): string => `(SELECT sum(amount_minor)::text FROM entries JOIN accounts ON accounts.id = account_id
      WHERE transfer_id IN (${transfers}) AND owner = 'system:in-transit')`;
  const returns = `SELECT id FROM transfers WHERE transfers.reverses = outgoing.transfer_id AND transfers.kind = 'transit_return'`;
  return reader.query<OutgoingRow>(
    `SELECT transfer_id, state, legs, ${inTransit('outgoing.transfer_id')} AS in_transit, ${inTransit(returns)} AS returned, (SELECT count(*) FROM (${returns}) AS r) AS returns
       FROM outgoing_transfers AS outgoing WHERE transfer_id > $1 ORDER BY transfer_id LIMIT $2`, [after, limit], 'verify_outgoing');
}

/** Of other shards: the second halves of transfers, with what each gave to whom. */
export async function findHalves(reader: Reader, ids: readonly string[]): Promise<Map<string, ReadonlyMap<string, string>>> {
  const rows = await reader.query<{ id: string; account_id: string; amount_minor: bigint }>(
    `SELECT transfers.id, account_id, amount_minor FROM transfers JOIN entries ON entries.transfer_id = transfers.id
       LEFT JOIN accounts ON accounts.id = account_id
      WHERE transfers.id = ANY ($1) AND transfers.kind = 'transit_in' AND owner IS DISTINCT FROM 'system:in-transit'`, [ids], 'verify_halves');
  return new Map([...Map.groupBy(rows, ({ id }) => id)].map(([id, entries]) =>
    [id, new Map(entries.map(({ account_id, amount_minor }) => [account_id, amount_minor.toString()]))]));
}

/** Which of these are there. */
export async function findIds(reader: Reader, table: 'accounts' | 'transfers' | 'holds', ids: readonly string[]): Promise<string[]> {
  return (await reader.query<{ id: string }>(`SELECT id FROM ${table} WHERE id = ANY ($1)`, [ids], `verify_find_${table}`)).map(({ id }) => id);
}

export async function findCaptures(reader: Reader, holds: readonly string[]): Promise<string[]> {
  return (await reader.query<{ hold_id: string }>('SELECT hold_id FROM transfers WHERE hold_id = ANY ($1)', [holds], 'verify_find_captures')).map(({ hold_id }) => hold_id);
}

export async function findOutgoing(reader: Reader, ids: readonly string[]): Promise<string[]> {
  return (await reader.query<{ transfer_id: string }>(
    `SELECT transfer_id FROM outgoing_transfers WHERE transfer_id = ANY ($1) AND state <> 'returned'`, [ids], 'verify_find_outgoing')).map(({ transfer_id }) => transfer_id);
}

/**
 * Entries by account and version, and the balance that each left. Also the one that an account will leave with, which is still here although its bucket has
 * been taken by another shard: where a move was interrupted there, or a restore ends there, that entry is to come and not lost.
 */
export async function findEntries(reader: Reader, wanted: readonly { account: string; version: bigint }[]): Promise<Map<string, bigint>> {
  const rows = await reader.query<{ account_id: string; account_version: bigint; balance_after_minor: bigint }>(
    `SELECT account_id, account_version, balance_after_minor FROM unnest($1::uuid[], $2::bigint[]) AS wanted (account, version)
       JOIN entries ON account_id = account AND account_version = version
      UNION ALL
     SELECT id, wanted.version, 0::bigint FROM unnest($1::uuid[], $2::bigint[]) AS wanted (account, version)
       JOIN accounts ON id = account AND accounts.version + 1 = wanted.version
       JOIN shard_map ON bucket = bucket_of(id)
       JOIN event_stream ON event_stream.shard <> shard_map.shard`,
    [wanted.map(({ account }) => account), wanted.map(({ version }) => version.toString())], 'verify_find_entries');
  return new Map(rows.map((row) => [`${row.account_id} ${row.account_version}`, row.balance_after_minor]));
}

/** What guards the ledger, by name: constraints that are checked, triggers that fire, indexes that are unique. */
const GUARDS = [
  'constraint accounts.balance_within_policy', 'constraint accounts.accounts_pkey', 'constraint transfers.transfers_pkey', 'constraint entries.entries_pkey',
  'constraint holds.holds_pkey', 'constraint idempotency_keys.idempotency_keys_pkey', 'constraint outgoing_transfers.outgoing_transfers_pkey',
  'trigger entries.entries_balance', 'trigger entries.entries_append_only', 'trigger transfers.transfers_append_only',
  'index transfers.transfers_reversed_once', 'index transfers.transfers_captured_once', 'index accounts.one_system_account_a_purpose_and_currency',
  'index outbox.outbox_sequence',
];

/** Guards that are not in force. */
export async function readMissingGuards(reader: Reader): Promise<string[]> {
  const rows = await reader.query<{ guard: string }>(
    `SELECT guard FROM unnest($1::text[]) AS guard WHERE guard NOT IN (
       SELECT format('constraint %s.%s', conrelid::regclass, conname) FROM pg_constraint WHERE convalidated
        UNION ALL SELECT format('trigger %s.%s', tgrelid::regclass, tgname) FROM pg_trigger WHERE tgenabled IN ('O', 'A')
        UNION ALL SELECT format('index %s.%s', indrelid::regclass, indexrelid::regclass) FROM pg_index WHERE indisunique AND indisvalid AND indisready)
     UNION ALL
     SELECT format('%s may %s %s', current_user, lower(privilege), name)
       FROM unnest(ARRAY['transfers', 'entries']) AS name, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
      WHERE has_table_privilege(name, privilege) OR (privilege = 'UPDATE' AND has_any_column_privilege(name, privilege))`, [GUARDS], 'verify_guards');
  return rows.map(({ guard }) => guard);
}
