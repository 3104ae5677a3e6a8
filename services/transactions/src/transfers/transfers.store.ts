import type { AccountId, TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';

export interface TransferRow {
  id: TransferId;
  debit_account: AccountId;
  credit_account: AccountId;
  amount_minor: bigint;
  currency: string;
  reference: string | null;
  created_at: string;
  debit_owner: string;
  credit_owner: string;
}

export async function findTransfer(shard: Shard, id: TransferId): Promise<TransferRow | undefined> {
  const [row] = await shard.read<TransferRow>(
    `SELECT t.id, t.debit_account, t.credit_account, t.amount_minor, t.currency, t.reference,
            to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
            debit.owner AS debit_owner, credit.owner AS credit_owner
       FROM transfers t JOIN accounts debit ON debit.id = t.debit_account JOIN accounts credit ON credit.id = t.credit_account
      WHERE t.id = $1`,
    [id], 'find_transfer');
  return row;
}
