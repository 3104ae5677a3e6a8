import type { CallerOf } from '@holdfast/kit/authentication';
import type { Database } from '@holdfast/kit/postgres';
import { answersFrom, refuse, type Refusal } from '@holdfast/kit/problem';
import type { ReportCache } from './cache.ts';
import type { Balances, Statement, StatementQuery } from './report.schema.ts';
import { readAccountHead, readBalances, readLines, readOwnerVersion, type BalanceRow } from './reports.store.ts';

export type ReportRefusal = 'account_unknown' | 'cursor_malformed';

export const answer = answersFrom<ReportRefusal>({
  account_unknown: { status: 404, title: 'There is no such account' },
  cursor_malformed: { status: 400, title: 'The cursor is not one that a previous page gave' },
});

export class Reports {
  private readonly database: Database;
  private readonly cache: ReportCache;

  constructor(database: Database, cache: ReportCache) {
    this.database = database;
    this.cache = cache;
  }

  async balances(caller: CallerOf): Promise<Balances> {
    const version = await readOwnerVersion(this.database, caller.subject);
    return this.cache.get(`balances:${caller.subject}:${version}`, async () => ({
      balances: (await readBalances(this.database, caller.subject)).map((row) => ({
        account_id: row.account_id, currency: row.currency, status: row.status as Balances['balances'][number]['status'], balance: row.balance_minor.toString(),
        held: row.held_minor.toString(), available: availableOf(row), changed_at: row.changed_at,
      })),
    }));
  }

  /** Of an own account; operators may see any. For others it is not there. */
  async statement(caller: CallerOf, accountId: string, query: StatementQuery): Promise<Statement | Refusal<ReportRefusal>> {
    const before = query.cursor === undefined ? undefined : numberOfCursor(query.cursor);
    if (query.cursor !== undefined && before === undefined) return refuse('cursor_malformed');
    const head = await readAccountHead(this.database, accountId);
    if (!head || (head.owner !== caller.subject && !caller.roles.includes('operator'))) return refuse('account_unknown');
    const { from, to, limit } = query;
    return this.cache.get(`statement:${accountId}:${head.version}:${from ?? ''}:${to ?? ''}:${query.cursor ?? ''}:${limit}`, async () => {
      const rows = await readLines(this.database, accountId, { from, to, before, limit: limit + 1 });
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        account_id: accountId,
        currency: head.currency,
        lines: rows.slice(0, limit).map((row) => ({
          number: row.entry_version.toString(),
          transfer_id: row.transfer_id,
          kind: row.kind,
          side: row.amount_minor < 0n ? 'debit' : 'credit',
          amount: (row.amount_minor < 0n ? -row.amount_minor : row.amount_minor).toString(),
          balance_after: row.balance_after_minor.toString(),
          counterparty: row.counterparty,
          reference: row.reference,
          external_reference: row.external_reference,
          occurred_at: row.occurred_at,
        })),
        next_cursor: last?.entry_version.toString() ?? null,
      };
    });
  }
}

function numberOfCursor(cursor: string): bigint | undefined {
  return /^[1-9]\d{0,17}$/.test(cursor) ? BigInt(cursor) : undefined;
}

/** Of a customer's account, whose balance is above zero when we owe him. */
function availableOf(row: BalanceRow): string | null {
  return row.overdraft_limit_minor === null ? null : (row.balance_minor - row.held_minor + row.overdraft_limit_minor).toString();
}
