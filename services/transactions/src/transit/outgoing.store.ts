import type { AccountId, TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import type { Leg } from '../transfers/posting.ts';

/** What has left a shard for another one, as the row beside its first half says. */
export interface OutgoingRow {
  readonly transferId: TransferId;
  readonly legs: readonly Leg[];
  readonly currency: string;
  readonly state: 'sent' | 'settled' | 'returned';
  readonly refusal: string | null;
  /** As Postgres writes it: microseconds decide which page it is on. */
  readonly sentAt: string;
  readonly reference: string | null;
  readonly externalReference: string | null;
  readonly metadata: string | null;
}

interface Row {
  transfer_id: TransferId;
  legs: { account: AccountId; amount: string }[];
  currency: string;
  state: OutgoingRow['state'];
  refusal: string | null;
  sent_at: string;
  reference: string | null;
  external_reference: string | null;
  metadata: string | null;
}

const COLUMNS = 'o.transfer_id, o.legs, o.currency, o.state, o.refusal, o.created_at::text AS sent_at, t.reference, t.external_reference, t.metadata::text AS metadata';

const outgoing = (row: Row): OutgoingRow => ({
  transferId: row.transfer_id,
  legs: row.legs.map(({ account, amount }) => ({ account, amountMinor: BigInt(amount) })),
  currency: row.currency,
  state: row.state,
  refusal: row.refusal,
  sentAt: row.sent_at,
  reference: row.reference,
  externalReference: row.external_reference,
  metadata: row.metadata,
});

/** Those of some transfers that have left this shard, by the id of the transfer. */
export async function readOutgoing(shard: Shard, ids: readonly TransferId[]): Promise<Map<TransferId, OutgoingRow>> {
  const rows = await shard.read<Row>(
    `SELECT ${COLUMNS} FROM outgoing_transfers o JOIN transfers t ON t.id = o.transfer_id WHERE o.transfer_id = ANY($1::uuid[])`, [ids], 'read_outgoing');
  return new Map(rows.map((row) => [row.transfer_id, outgoing(row)]));
}

/** Of what has not come to its end. What seems to be of the future was sent before the clock went back. */
const AGE = "CASE WHEN o.created_at > clock_timestamp() THEN 'infinity'::interval ELSE clock_timestamp() - o.created_at END";

/** Oldest first, of those sent `age_ms` ago or earlier by the clock of the shard, from after `after`. */
export async function listUnderWay(shard: Shard, age_ms: number, after: OutgoingRow | undefined, limit: number): Promise<OutgoingRow[]> {
  const rows = await shard.read<Row>(
    `SELECT ${COLUMNS} FROM outgoing_transfers o JOIN transfers t ON t.id = o.transfer_id
      WHERE o.state = 'sent' AND ${AGE} >= make_interval(secs => $1::float8 / 1000) AND ($2::timestamptz IS NULL OR (o.created_at, o.transfer_id) > ($2, $3::uuid))
      ORDER BY o.created_at, o.transfer_id LIMIT $4`,
    [age_ms, after?.sentAt ?? null, after?.transferId ?? null, limit], 'list_under_way');
  return rows.map(outgoing);
}

/** How many transfers of this shard are in transit, and for how long the oldest has been. */
export async function measureUnderWay(shard: Shard): Promise<{ transfers: bigint; oldest_s: number }> {
  const [row] = await shard.read<{ transfers: bigint; oldest_s: number }>(
    `SELECT count(*) AS transfers, coalesce(extract(epoch FROM max(least(${AGE}, interval '1 day'))), 0)::float8 AS oldest_s
       FROM outgoing_transfers o WHERE o.state = 'sent'`, [], 'measure_under_way');
  return row ?? { transfers: 0n, oldest_s: 0 };
}

/** The entries of the first half on its own shard, the one of the account in transit included. */
export async function readEntriesOf(shard: Shard, id: TransferId): Promise<Leg[]> {
  const rows = await shard.read<{ account_id: AccountId; amount_minor: bigint }>(
    'SELECT account_id, amount_minor FROM entries WHERE transfer_id = $1 ORDER BY account_id', [id], 'read_entries_of');
  return rows.map(({ account_id, amount_minor }) => ({ account: account_id, amountMinor: amount_minor }));
}

// A row that somebody else is settling at this moment is passed over, so that two replicas never wait for each other crosswise.
const SETTLE = `
  WITH due AS (
    SELECT o.transfer_id, given.traceparent
      FROM outgoing_transfers o JOIN unnest($1::uuid[], $2::text[]) AS given (transfer_id, traceparent) ON given.transfer_id = o.transfer_id
     WHERE o.state = 'sent'
       FOR UPDATE OF o SKIP LOCKED
  ), settled AS (
    UPDATE outgoing_transfers o SET state = 'settled', settled_at = clock_timestamp() FROM due WHERE o.transfer_id = due.transfer_id
    RETURNING o.transfer_id, o.settled_at, due.traceparent
  )
  INSERT INTO outbox (type, occurred_at, actor, traceparent, data)
  SELECT 'transfer.settled', settled_at, 'transactions', traceparent, jsonb_build_object('transfer_id', transfer_id) FROM settled`;

/** Marks transfers whose other half is posted, and tells of each in the outbox. Again it changes nothing. */
export async function settle(shard: Shard, transfers: readonly { id: TransferId; traceparent: string | undefined }[]): Promise<void> {
  await shard.write(SETTLE, [transfers.map(({ id }) => id), transfers.map(({ traceparent }) => traceparent ?? null)], 'settle_outgoing');
}
