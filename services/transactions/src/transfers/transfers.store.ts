import type { AccountId, HoldId, TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import type { TransferKind } from './posting.ts';

export interface LegRow {
  account: AccountId;
  /** Signed minor units, as a text: JSON has no integers of this size. */
  amount: string;
  currency: string;
  /** Null if the account has moved to another shard since. */
  owner: string | null;
  kind: 'customer' | 'system' | null;
  /** True if the shard that knows the owner does not answer. */
  isAway?: true;
}

export interface TransferRow {
  id: TransferId;
  /** A move is of an account whose bucket went to another shard. */
  kind: TransferKind | 'capture' | 'move';
  reference: string | null;
  external_reference: string | null;
  metadata: Record<string, string> | null;
  reverses: TransferId | null;
  reversed_by: TransferId | null;
  hold_id: HoldId | null;
  created_at: string;
  /** Debits first. */
  legs: LegRow[];
  /** Of a transfer to another shard: what becomes of it. */
  state: 'sent' | 'settled' | 'returned' | null;
  refusal: string | null;
  outgoing: { account: AccountId; amount: string }[] | null;
  /** Where the accounts that it credits were credited: undefined for what has not arrived, or while nobody can tell. */
  postedOn?: Shard;
  /** Where it was posted, or its first half; its bucket may have moved since. */
  sentFrom?: Shard;
}

export async function findTransfer(shard: Shard, id: TransferId): Promise<TransferRow | undefined> {
  const [row] = await shard.read<TransferRow>(
    `SELECT t.id, t.kind, t.reference, t.external_reference, t.metadata, t.reverses, t.hold_id,
            to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
            (SELECT r.id FROM transfers r WHERE r.reverses = t.id AND r.kind = 'reversal') AS reversed_by,
            (SELECT json_agg(json_build_object('account', e.account_id, 'amount', e.amount_minor::text, 'currency', e.currency, 'owner', a.owner, 'kind', a.kind)
                             ORDER BY e.amount_minor > 0, e.account_id)
               FROM entries e LEFT JOIN accounts a ON a.id = e.account_id WHERE e.transfer_id = t.id) AS legs,
            o.state, o.refusal, o.legs AS outgoing
       FROM transfers t LEFT JOIN outgoing_transfers o ON o.transfer_id = t.id
      WHERE t.id = $1`,
    [id], 'find_transfer');
  return row;
}
