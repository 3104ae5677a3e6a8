import type { Database } from '@holdfast/kit/postgres';

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

export interface BalanceRow {
  account_id: string; currency: string; status: string; balance_minor: bigint; held_minor: bigint; overdraft_limit_minor: bigint | null; changed_at: string;
}
export interface AccountHead { owner: string; currency: string; version: bigint }
export interface LineRow {
  entry_version: bigint; transfer_id: string; kind: string; counterparty: string | null; amount_minor: bigint; balance_after_minor: bigint;
  reference: string | null; external_reference: string | null; occurred_at: string;
}

/** Zero for an owner of whom no event has come yet. */
export async function readOwnerVersion(database: Database, owner: string): Promise<bigint> {
  const [row] = await database.query<{ version: bigint }>('SELECT version FROM owner_versions WHERE owner = $1', [owner], 'owner_version');
  return row?.version ?? 0n;
}

export function readBalances(database: Database, owner: string): Promise<BalanceRow[]> {
  return database.query<BalanceRow>(
    `SELECT account_id, currency, coalesce(status, 'open') AS status, balance_minor, held_minor, overdraft_limit_minor,
            to_char(changed_at AT TIME ZONE 'UTC', ${TIME}) AS changed_at
       FROM account_balances WHERE owner = $1 ORDER BY account_id`, [owner], 'balances');
}

/** Undefined also for an account of which the opening has not come yet. */
export async function readAccountHead(database: Database, accountId: string): Promise<AccountHead | undefined> {
  const [row] = await database.query<AccountHead>(
    'SELECT owner, currency, version FROM account_balances WHERE account_id = $1 AND owner IS NOT NULL', [accountId], 'account_head');
  return row;
}

/** Newest first, from before the entry number `before`. */
export function readLines(
  database: Database, accountId: string, range: { from: string | undefined; to: string | undefined; before: bigint | undefined; limit: number },
): Promise<LineRow[]> {
  return database.query<LineRow>(
    `SELECT entry_version, transfer_id, kind, counterparty, amount_minor, balance_after_minor, reference, external_reference,
            to_char(occurred_at AT TIME ZONE 'UTC', ${TIME}) AS occurred_at
       FROM statement_lines
      WHERE account_id = $1 AND ($2::timestamptz IS NULL OR occurred_at >= $2) AND ($3::timestamptz IS NULL OR occurred_at < $3)
        AND ($4::bigint IS NULL OR entry_version < $4)
      ORDER BY entry_version DESC LIMIT $5`,
    [accountId, range.from ?? null, range.to ?? null, range.before?.toString() ?? null, range.limit], 'lines');
}
