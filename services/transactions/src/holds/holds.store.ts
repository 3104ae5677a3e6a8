import type { AccountId, HoldId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import type { Hold } from './hold.schema.ts';

export interface HoldRow {
  id: HoldId;
  debit_account: AccountId;
  credit_account: AccountId;
  currency: string;
  amount_minor: bigint;
  captured_minor: bigint;
  status: Hold['status'];
  reference: string | null;
  external_reference: string | null;
  metadata: Record<string, string> | null;
  expires_at: string;
  created_at: string;
  closed_at: string | null;
  /** Null if the account is on another shard. */
  debit_owner: string | null;
  credit_owner: string | null;
}

const time = (column: string) => `to_char(h.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`;

export async function findHold(shard: Shard, id: HoldId): Promise<HoldRow | undefined> {
  const [row] = await shard.read<HoldRow>(
    `SELECT h.id, h.debit_account, h.credit_account, h.currency, h.amount_minor, h.captured_minor, h.status, h.reference, h.external_reference, h.metadata,
            ${time('expires_at')}, ${time('created_at')}, ${time('closed_at')}, debit.owner AS debit_owner, credit.owner AS credit_owner
       FROM holds h LEFT JOIN accounts debit ON debit.id = h.debit_account LEFT JOIN accounts credit ON credit.id = h.credit_account
      WHERE h.id = $1`,
    [id], 'find_hold');
  return row;
}

export interface DueHold {
  id: HoldId;
  debit_account: AccountId;
  credit_account: AccountId;
}

/** Open holds whose time is over, those first that have been so for longest. */
export function listDueHolds(shard: Shard, limit: number): Promise<DueHold[]> {
  return shard.read<DueHold>(
    `SELECT id, debit_account, credit_account FROM holds WHERE status = 'open' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1`,
    [limit], 'list_due_holds');
}
