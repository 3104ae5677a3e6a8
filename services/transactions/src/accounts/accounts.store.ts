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
  held_minor: bigint;
  overdraft_limit_minor: bigint | null;
  version: bigint;
  metadata: Record<string, string> | null;
  created_at: string;
}

const COLUMNS = `id, owner, name, currency, kind, normal_side, status, balance_minor, held_minor, overdraft_limit_minor, version, metadata,
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at`;

export interface NewAccount {
  readonly id: AccountId;
  readonly bucket: number;
  readonly owner: string;
  readonly name: string | undefined;
  /** JSON text of an object. */
  readonly metadata: string | undefined;
  readonly currency: string;
  readonly kind: 'customer' | 'system';
  readonly normalSide: 'debit' | 'credit';
  /** Null is without limit. */
  readonly overdraftLimitMinor: bigint | null;
  readonly actor: string;
  readonly traceparent: string | undefined;
  /** The idempotency key under which the account is remembered, if its opening came with one. */
  readonly claim: { readonly scope: string; readonly key: string; readonly requestHash: Buffer } | undefined;
}

export type Opened = 'posted' | 'replayed' | 'exists' | 'idempotency_key_reused' | 'bucket_moved';

/** Opens an account and tells of it, in the one transaction that a statement is. */
export async function openAccount(shard: Shard, account: NewAccount): Promise<{ outcome: Opened; account_id: AccountId | null }> {
  const { id, bucket, owner, name, metadata, currency, kind, normalSide, overdraftLimitMinor, actor, traceparent, claim } = account;
  const [row] = await shard.write<{ outcome: Opened; account_id: AccountId | null }>(
    'SELECT outcome, account_id FROM open_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)',
    [
      id, bucket, owner, name ?? null, metadata ?? null, currency, kind, normalSide, overdraftLimitMinor?.toString() ?? null, actor, traceparent ?? null,
      claim?.scope ?? null, claim?.key ?? null, claim?.requestHash ?? null,
    ], 'open_account');
  if (!row) throw new Error('open_account returned no row');
  return row;
}

export type AccountChange = 'freeze' | 'unfreeze' | 'close' | 'overdraft_limit' | 'metadata';

/** Returns `posted`, or the code of a refusal. What it changes is told of in the same transaction. */
export async function changeAccount(shard: Shard, change: {
  id: AccountId; bucket: number; change: AccountChange; limitMinor?: bigint | null; metadata?: string | undefined; owner: string | undefined; actor: string; traceparent: string | undefined;
}): Promise<string> {
  const [row] = await shard.write<{ outcome: string }>('SELECT outcome FROM change_account($1, $2, $3, $4, $5, $6, $7, $8)', [
    change.id, change.bucket, change.change, change.limitMinor?.toString() ?? null, change.metadata ?? null, change.owner ?? null, change.actor, change.traceparent ?? null,
  ], 'change_account');
  if (!row) throw new Error('change_account returned no row');
  return row.outcome;
}

export async function findAccount(shard: Shard, id: AccountId): Promise<AccountRow | undefined> {
  const [row] = await shard.read<AccountRow>(`SELECT ${COLUMNS} FROM accounts WHERE id = $1`, [id], 'find_account');
  return row;
}

export async function findSystemAccount(shard: Shard, owner: string, currency: string): Promise<AccountId | undefined> {
  const [row] = await shard.read<{ id: AccountId }>(
    `SELECT id FROM accounts WHERE kind = 'system' AND owner = $1 AND currency = $2`, [owner, currency], 'find_system_account');
  return row?.id;
}

/** Oldest first, from after `after`. */
export function listAccounts(shard: Shard, owner: string, after: AccountId | undefined, limit: number): Promise<AccountRow[]> {
  return shard.read<AccountRow>(
    `SELECT ${COLUMNS} FROM accounts WHERE owner = $1 AND kind = 'customer' AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
    [owner, after ?? null, limit], 'list_accounts');
}
