import type { TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import type { Posted, Posting } from './posting.ts';
import { refusalCode } from './refusals.ts';

const POST = `
  SELECT item, outcome, replayed, transfer_id, to_char(posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS posted_at
    FROM post_transfers($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::int[], $7::int[], $8::bigint[],
                        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
   ORDER BY item`;

/**
 * Posts a batch in one transaction and returns the answers in its order. Keys must be distinct within a batch: the answer to a
 * repeated one is known only when the batch is committed.
 */
export async function postBatch(shard: Shard, postings: readonly Posting[]): Promise<Posted[]> {
  const accounts = [...new Set(postings.flatMap((posting) => [posting.debitAccount, posting.creditAccount]))].sort();
  const indexOf = new Map(accounts.map((id, index) => [id, index + 1]));
  const rows = await shard.write<{ item: number; outcome: string; replayed: boolean; transfer_id: string; posted_at: string }>(POST, [
    accounts,
    postings.map((posting) => posting.scope),
    postings.map((posting) => posting.key),
    postings.map((posting) => posting.requestHash),
    postings.map((posting) => posting.transferId),
    postings.map((posting) => indexOf.get(posting.debitAccount)),
    postings.map((posting) => indexOf.get(posting.creditAccount)),
    postings.map((posting) => posting.amountMinor.toString()),
    postings.map((posting) => posting.currency),
    postings.map((posting) => posting.reference ?? null),
    postings.map((posting) => posting.owner ?? null),
    postings.map((posting) => posting.refusal ?? null),
    postings.map((posting) => posting.actor),
    postings.map((posting) => posting.traceparent ?? null),
  ], 'post_transfers');
  if (rows.length !== postings.length) throw new Error(`the ledger answered ${rows.length} of ${postings.length} transfers of a batch`);
  return rows.map((row) => ({
    outcome: row.outcome === 'posted' ? 'posted' : refusalCode(row.outcome),
    replayed: row.replayed,
    transferId: row.transfer_id as TransferId,
    postedAt: row.posted_at,
  }));
}
