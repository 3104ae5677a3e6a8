import type { Shard } from '../shards/shard.ts';
import type { AccountId } from './account-id.ts';

export interface AccountRow {
  id: AccountId;
  owner: string;
  name: string | null;
  currency: string;
  kind: 'customer' | 'system';
  normal_side: 'debit' | 'credit';
  status: 'open' | 'frozen' | 'closed';
  balance_minor: bigint;
  created_at: string;
}

export interface EntryRow {
  account_version: bigint;
  transfer_id: string;
  amount_minor: bigint;
  balance_after_minor: bigint;
  created_at: string;
  counterparty: AccountId;
  reference: string | null;
}

const COLUMNS = `id, owner, name, currency, kind, normal_side, status, balance_minor,
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at`;

// The event leaves with the account, in the one transaction that a statement is. A second cash account of a currency is not made.
const OPEN = `
  WITH opened AS (
    INSERT INTO accounts (id, owner, name, currency, kind, normal_side, overdraft)
    VALUES ($1, $2, $3, $4, $5, $6, 'forbidden')
    ON CONFLICT (owner, currency) WHERE kind = 'system' DO NOTHING
    RETURNING *
  ), told AS (
    INSERT INTO outbox (type, occurred_at, actor, traceparent, data)
    SELECT 'account.opened', created_at, $7, $8,
           jsonb_build_object('account_id', id, 'owner', owner, 'currency', currency, 'kind', kind)
      FROM opened
  )
  SELECT ${COLUMNS} FROM opened`;

export interface NewAccount {
  readonly id: AccountId;
  readonly owner: string;
  readonly name: string | undefined;
  readonly currency: string;
  readonly kind: 'customer' | 'system';
  readonly normalSide: 'debit' | 'credit';
  readonly actor: string;
  readonly traceparent: string | undefined;
}

/** Undefined if there is such a system account already. */
export async function insertAccount(shard: Shard, account: NewAccount): Promise<AccountRow | undefined> {
  const { id, owner, name, currency, kind, normalSide, actor, traceparent } = account;
  const [row] = await shard.write<AccountRow>(OPEN, [id, owner, name ?? null, currency, kind, normalSide, actor, traceparent ?? null], 'open_account');
  return row;
}

export async function findAccount(shard: Shard, id: AccountId): Promise<AccountRow | undefined> {
  const [row] = await shard.read<AccountRow>(`SELECT ${COLUMNS} FROM accounts WHERE id = $1`, [id], 'find_account');
  return row;
}

export async function findSystemAccount(shard: Shard, owner: string, currency: string): Promise<AccountRow | undefined> {
  const [row] = await shard.read<AccountRow>(
    `SELECT ${COLUMNS} FROM accounts WHERE kind = 'system' AND owner = $1 AND currency = $2`, [owner, currency], 'find_system_account');
  return row;
}

/** Oldest first, from after `after`. */
export function listAccounts(shard: Shard, owner: string, after: AccountId | undefined, limit: number): Promise<AccountRow[]> {
  return shard.read<AccountRow>(
    `SELECT ${COLUMNS} FROM accounts WHERE owner = $1 AND kind = 'customer' AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
    [owner, after ?? null, limit], 'list_accounts');
}

/** Newest first, from before entry number `before`. */
export function listEntries(shard: Shard, id: AccountId, before: bigint | undefined, limit: number): Promise<EntryRow[]> {
  return shard.read<EntryRow>(
    `SELECT e.account_version, e.transfer_id, e.amount_minor, e.balance_after_minor,
            to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
            CASE WHEN t.debit_account = e.account_id THEN t.credit_account ELSE t.debit_account END AS counterparty, t.reference
       FROM entries e JOIN transfers t ON t.id = e.transfer_id
      WHERE e.account_id = $1 AND ($2::bigint IS NULL OR e.account_version < $2)
      ORDER BY e.account_version DESC LIMIT $3`,
    [id, before ?? null, limit], 'list_entries');
}
