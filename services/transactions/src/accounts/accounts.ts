import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import { hashOfRequest } from '../transfers/idempotency.ts';
import type { Answered } from '../transfers/poster.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import { isOperator } from '../transfers/standing.ts';
import { bucketOfSubject, newAccountId, parseAccountId } from './account-id.ts';
import type { Account, Accounts as AccountsPage, OpenAccountRequest, Page } from './account.schema.ts';
import { findAccount, listAccounts, openAccount, type AccountRow } from './accounts.store.ts';

/** Opening accounts and looking at them. Everything is read from the leader: a client must see what it has just done. */
export class Accounts {
  private readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  /** With a key, a repeat finds the account of the first request. Without one, every request opens another. */
  async open(caller: CallerOf, key: string | undefined, request: OpenAccountRequest): Promise<Answered<Account> | Refusal<LedgerRefusal>> {
    const { currency, name } = request;
    const metadata = metadataText(request.metadata);
    const bucket = bucketOfSubject(caller.subject);
    const shard = this.ledger.shardOfBucket(bucket);
    const { outcome, account_id: id } = await openAccount(shard, {
      id: newAccountId(bucket), bucket, owner: caller.subject, name, metadata, currency, kind: 'customer', normalSide: 'credit', overdraftLimitMinor: 0n,
      actor: caller.subject, traceparent: currentTraceparent(),
      claim: key === undefined ? undefined : { scope: caller.subject, key, requestHash: hashOfRequest('account', [currency, name ?? null, metadata ?? null]) },
    });
    if (outcome === 'idempotency_key_reused' || outcome === 'bucket_moved') return refuse(outcome);
    const row = outcome !== 'exists' && id ? await findAccount(shard, id) : undefined;
    if (!row) throw new Error('a customer account collided with another');
    return { body: shownAccount(row), replayed: outcome === 'replayed' };
  }

  async listOwn(caller: CallerOf, page: Page): Promise<AccountsPage | Refusal<LedgerRefusal>> {
    const after = page.cursor === undefined ? undefined : parseAccountId(page.cursor);
    if (page.cursor !== undefined && after === undefined) return refuse('cursor_malformed');
    const rows = await listAccounts(this.ledger.homeOf(caller.subject), caller.subject, after, page.limit + 1);
    const accounts = rows.slice(0, page.limit).map(shownAccount);
    return { accounts, next_cursor: (rows.length > page.limit ? accounts.at(-1)?.id : undefined) ?? null };
  }

  async show(caller: CallerOf, id: string): Promise<Account | Refusal<LedgerRefusal>> {
    const row = await this.find(caller, id);
    return row ? shownAccount(row) : refuse('account_unknown');
  }

  /** Undefined for an account that is not there and for one that is none of the caller's business. */
  async find(caller: CallerOf, id: string): Promise<AccountRow | undefined> {
    const accountId = parseAccountId(id);
    if (!accountId) return undefined;
    const row = await findAccount(this.ledger.shardOf(accountId), accountId);
    return row && (row.owner === caller.subject || isOperator(caller)) ? row : undefined;
  }
}

export function shownAccount(row: AccountRow): Account {
  return {
    id: row.id, owner: row.owner, name: row.name, currency: row.currency as Account['currency'], status: row.status,
    balance: onNormalSide(row, row.balance_minor).toString(), held: row.held_minor.toString(), available: availableOf(row),
    overdraft_limit: row.overdraft_limit_minor?.toString() ?? null, metadata: row.metadata, created_at: row.created_at,
  };
}

/** What can be spent; null without limit. */
export function availableOf(row: AccountRow): string | null {
  return row.overdraft_limit_minor === null ? null : (onNormalSide(row, row.balance_minor) - row.held_minor + row.overdraft_limit_minor).toString();
}

/** The ledger keeps credits minus debits; people read a balance on the side on which their account grows. */
export function onNormalSide(account: Pick<AccountRow, 'normal_side'>, balanceMinor: bigint): bigint {
  return account.normal_side === 'credit' ? balanceMinor : -balanceMinor;
}
