import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import type { Balance, BalanceQuery, Entries, Entry, Page, Statement, StatementQuery } from './account.schema.ts';
import { availableOf, onNormalSide, type Accounts } from './accounts.ts';
import type { AccountRow } from './accounts.store.ts';
import { listEntriesAfter, listEntriesBefore, readClock, standAfter, standAt, type EntryRow, type Stand } from './entries.store.ts';

const BEFORE_THE_FIRST: Stand = { version: 0n, balanceMinor: 0n };

/**
 * What an account was, from its entries. Those from before its bucket moved are on the shard where it was then: each shard tells what it has,
 * and the numbers of the entries put them in order.
 */
export class AccountHistory {
  private readonly ledger: Ledger;
  private readonly accounts: Accounts;

  constructor(ledger: Ledger, accounts: Accounts) {
    this.ledger = ledger;
    this.accounts = accounts;
  }

  async balance(caller: CallerOf, id: string, { as_of: instant }: BalanceQuery): Promise<Balance | Refusal<LedgerRefusal>> {
    const account = await this.accounts.find(caller, id);
    if (!account) return refuse('account_unknown');
    const common = { account_id: account.id, currency: account.currency as Balance['currency'] };
    const clock = await readClock(this.ledger.shardOf(account.id), instant, account.created_at);
    if (instant === undefined) {
      return { ...common, as_of: clock.now, balance: onNormalSide(account, account.balance_minor).toString(), held: account.held_minor.toString(), available: availableOf(account) };
    }
    if (clock.is_future || clock.is_before) return refuse('as_of_out_of_range');
    const stand = await this.standAt(account, instant, true);
    return { ...common, as_of: instant, balance: onNormalSide(account, stand.balanceMinor).toString(), held: null, available: null };
  }

  /** Newest first. */
  async entries(caller: CallerOf, id: string, page: Page): Promise<Entries | Refusal<LedgerRefusal>> {
    const account = await this.accounts.find(caller, id);
    if (!account) return refuse('account_unknown');
    if (page.cursor !== undefined && !/^[1-9]\d{0,17}$/.test(page.cursor)) return refuse('cursor_malformed');
    const before = page.cursor === undefined ? undefined : BigInt(page.cursor);
    const rows = (await this.everywhere(account, (shard) => listEntriesBefore(shard, account.id, before, page.limit + 1)))
      .sort((one, other) => Number(other.account_version - one.account_version));
    const entries = rows.slice(0, page.limit).map((row) => shownEntry(account, row));
    return { entries, next_cursor: (rows.length > page.limit ? entries.at(-1)?.number : undefined) ?? null };
  }

  /** A cursor holds the numbers of the entries between which the period lies, so that later pages neither move nor add up differently. */
  async statement(caller: CallerOf, id: string, query: StatementQuery): Promise<Statement | Refusal<LedgerRefusal>> {
    const account = await this.accounts.find(caller, id);
    if (!account) return refuse('account_unknown');
    const cursor = query.cursor === undefined ? undefined : /^(0|[1-9]\d{0,17})-(\d{1,18})-([1-9]\d{0,17})$/.exec(query.cursor)?.slice(1).map(BigInt);
    if (query.cursor !== undefined && cursor === undefined) return refuse('cursor_malformed');
    if (query.from !== undefined && query.to !== undefined && Date.parse(query.from) > Date.parse(query.to)) return refuse('period_invalid');

    const [first, after = first, last] = cursor ?? [];
    const opening = first === undefined ? await this.before(account, query.from) : await this.standAfter(account, first);
    const closing = last === undefined ? await this.until(account, query.to) : await this.standAfter(account, last);
    if (!opening || !closing) return refuse('cursor_malformed');
    const rows = (await this.everywhere(account, (shard) => listEntriesAfter(shard, account.id, after ?? opening.version, closing.version, query.limit + 1)))
      .sort((one, other) => Number(one.account_version - other.account_version));
    const lines = rows.slice(0, query.limit).map((row) => shownEntry(account, row));
    return {
      account_id: account.id,
      currency: account.currency as Statement['currency'],
      opening_balance: onNormalSide(account, opening.balanceMinor).toString(),
      closing_balance: onNormalSide(account, closing.balanceMinor).toString(),
      lines,
      next_cursor: rows.length > query.limit ? `${opening.version}-${lines.at(-1)?.number}-${closing.version}` : null,
    };
  }

  private before(account: AccountRow, from: string | undefined): Promise<Stand> {
    return from === undefined ? Promise.resolve(BEFORE_THE_FIRST) : this.standAt(account, from, false);
  }

  private until(account: AccountRow, to: string | undefined): Promise<Stand> {
    return to === undefined ? Promise.resolve({ version: account.version, balanceMinor: account.balance_minor }) : this.standAt(account, to, false);
  }

  private async standAt(account: AccountRow, instant: string, including: boolean): Promise<Stand> {
    const stands = await this.everywhere(account, async (shard) => (await standAt(shard, account.id, instant, including)) ?? []);
    return stands.reduce((latest, stand) => (stand.version > latest.version ? stand : latest), BEFORE_THE_FIRST);
  }

  private async standAfter(account: AccountRow, version: bigint): Promise<Stand | undefined> {
    if (version === 0n) return BEFORE_THE_FIRST;
    return (await this.everywhere(account, async (shard) => (await standAfter(shard, account.id, version)) ?? []))[0];
  }

  private async everywhere<T>(account: AccountRow, ask: (shard: Shard) => Promise<T | T[]>): Promise<T[]> {
    const answers = await Promise.all([...new Set(this.ledger.historyOf(account.id))].map(ask));
    return answers.flat() as T[];
  }
}

function shownEntry(account: AccountRow, row: EntryRow): Entry {
  return {
    number: row.account_version.toString(),
    transfer_id: row.transfer_id,
    kind: row.kind,
    side: row.amount_minor < 0n ? 'debit' : 'credit',
    amount: (row.amount_minor < 0n ? -row.amount_minor : row.amount_minor).toString(),
    balance_after: onNormalSide(account, row.balance_after_minor).toString(),
    counterparty: row.counterparty,
    reference: row.reference,
    external_reference: row.external_reference,
    created_at: row.created_at,
  };
}
