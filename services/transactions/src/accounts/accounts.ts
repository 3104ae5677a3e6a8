import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import type { Ledger } from '../shards/ledger.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import { bucketOfSubject, newAccountId, parseAccountId } from './account-id.ts';
import type { Account, Entries, OpenAccountRequest, Page } from './account.schema.ts';
import { findAccount, insertAccount, listAccounts, listEntries, type AccountRow } from './accounts.store.ts';
import type { z } from 'zod';

/** Opening accounts and looking at them. Everything is read from the leader: a client must see what it has just done. */
export class Accounts {
  private readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  async open(caller: CallerOf, request: OpenAccountRequest): Promise<Account> {
    const row = await insertAccount(this.ledger.homeOf(caller.subject), {
      id: newAccountId(bucketOfSubject(caller.subject)),
      owner: caller.subject,
      name: request.name,
      currency: request.currency,
      kind: 'customer',
      normalSide: 'credit',
      actor: caller.subject,
      traceparent: currentTraceparent(),
    });
    if (!row) throw new Error('a customer account collided with another');
    return shown(row);
  }

  async listOwn(caller: CallerOf, page: Page): Promise<{ accounts: Account[]; next_cursor: string | null } | Refusal<LedgerRefusal>> {
    const after = page.cursor === undefined ? undefined : parseAccountId(page.cursor);
    if (page.cursor !== undefined && after === undefined) return refuse('cursor_malformed');
    const rows = await listAccounts(this.ledger.homeOf(caller.subject), caller.subject, after, page.limit + 1);
    const accounts = rows.slice(0, page.limit).map(shown);
    return { accounts, next_cursor: (rows.length > page.limit ? accounts.at(-1)?.id : undefined) ?? null };
  }

  async show(caller: CallerOf, id: string): Promise<Account | Refusal<LedgerRefusal>> {
    const row = await this.find(caller, id);
    return row ? shown(row) : refuse('account_unknown');
  }

  async entries(caller: CallerOf, id: string, page: Page): Promise<z.output<typeof Entries> | Refusal<LedgerRefusal>> {
    const account = await this.find(caller, id);
    if (!account) return refuse('account_unknown');
    if (page.cursor !== undefined && !/^[1-9]\d{0,17}$/.test(page.cursor)) return refuse('cursor_malformed');
    const before = page.cursor === undefined ? undefined : BigInt(page.cursor);
    const rows = await listEntries(this.ledger.shardOf(account.id), account.id, before, page.limit + 1);
    const entries = rows.slice(0, page.limit).map((row) => ({
      number: row.account_version.toString(),
      transfer_id: row.transfer_id,
      side: row.amount_minor < 0n ? 'debit' as const : 'credit' as const,
      amount: (row.amount_minor < 0n ? -row.amount_minor : row.amount_minor).toString(),
      balance_after: onNormalSide(account, row.balance_after_minor),
      counterparty: row.counterparty,
      reference: row.reference,
      created_at: row.created_at,
    }));
    return { entries, next_cursor: (rows.length > page.limit ? entries.at(-1)?.number : undefined) ?? null };
  }

  /** Undefined for an account that is not there and for one that is none of the caller's business. */
  private async find(caller: CallerOf, id: string): Promise<AccountRow | undefined> {
    const accountId = parseAccountId(id);
    if (!accountId) return undefined;
    const row = await findAccount(this.ledger.shardOf(accountId), accountId);
    return row && (row.owner === caller.subject || caller.roles.includes('operator')) ? row : undefined;
  }
}

function shown(row: AccountRow): Account {
  return {
    id: row.id, owner: row.owner, name: row.name, currency: row.currency as Account['currency'], status: row.status,
    balance: onNormalSide(row, row.balance_minor), created_at: row.created_at,
  };
}

function onNormalSide(account: AccountRow, balanceMinor: bigint): string {
  return (account.normal_side === 'credit' ? balanceMinor : -balanceMinor).toString();
}
