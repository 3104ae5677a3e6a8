import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isRefusal } from '@holdfast/kit/problem';
import { randomUUID } from 'node:crypto';
import { customer, ThrowawayLedger } from '../testing/throwaway-ledger.ts';
import type { Entry, Statement } from './account.schema.ts';

let ledger: ThrowawayLedger;
beforeAll(async () => { ledger = await ThrowawayLedger.start(); }, 120_000);
afterAll(() => ledger?.stop());

function must<T>(outcome: T): Exclude<T, { refused: string }> {
  if (isRefusal(outcome)) throw new Error(`refused: ${outcome.refused}`);
  return outcome as Exclude<T, { refused: string }>;
}

const owner = customer('owner');

/** An account with entries of 1, 2, 3… */
async function accountWith(entries: number): Promise<{ id: string; entries: Entry[] }> {
  const id = await ledger.account(owner);
  for (let amount = 1; amount <= entries; amount++) await ledger.deposit(id, BigInt(amount));
  return { id, entries: must(await ledger.history.entries(owner, id, { limit: 200 })).entries.reverse() };
}

async function statement(id: string, query: { from?: string; to?: string; limit?: number } = {}): Promise<Statement[]> {
  const pages: Statement[] = [];
  for (let cursor: string | undefined; ;) {
    const page = must(await ledger.history.statement(owner, id, { limit: 200, ...query, cursor }));
    pages.push(page);
    if (page.next_cursor === null) return pages;
    cursor = page.next_cursor;
  }
}

describe('a balance as of an instant', () => {
  test('is that after the last entry until then, for every instant', async () => {
    const { id, entries } = await accountWith(9);
    const account = must(await ledger.accounts.show(owner, id));
    const asOf = async (instant: string) => must(await ledger.history.balance(owner, id, { as_of: instant })).balance;
    expect(await asOf(account.created_at)).toBe('0');
    for (const [index, entry] of entries.entries()) {
      expect(await asOf(entry.created_at)).toBe(entry.balance_after);
      const between = entries[index + 1] ? justBefore(entries[index + 1]!.created_at) : entry.created_at;
      expect(await asOf(between)).toBe(entry.balance_after);
    }
    expect(must(await ledger.history.balance(owner, id, {}))).toMatchObject({ balance: '45', held: '0', available: '45' });
  });

  test('is refused for what has not been yet, and for before there was an account', async () => {
    const { id } = await accountWith(1);
    const account = must(await ledger.accounts.show(owner, id));
    for (const instant of ['2999-01-01T00:00:00Z', justBefore(account.created_at), '0001-01-01T00:00:00Z']) {
      expect(await ledger.history.balance(owner, id, { as_of: instant })).toEqual({ refused: 'as_of_out_of_range' });
    }
    expect(await ledger.history.balance(customer(), id, { as_of: account.created_at })).toEqual({ refused: 'account_unknown' });
  });

  test('finds its way over entries that are on another shard', async () => {
    const { id, entries } = await accountWith(8);
    await ledger.sql(`ALTER TABLE entries DISABLE TRIGGER ALL; DELETE FROM entries WHERE account_id = '${id}' AND account_version IN (3, 4, 5); ALTER TABLE entries ENABLE TRIGGER ALL`);
    const asOf = async (instant: string) => must(await ledger.history.balance(owner, id, { as_of: instant })).balance;
    // What lies between is told by the other shard: this one knows of what it has.
    expect(await Promise.all(entries.map((entry) => asOf(entry.created_at)))).toEqual(['1', '3', '3', '3', '3', '21', '28', '36']);
  });
});

describe('a statement', () => {
  test('adds up over any period: opening balance, lines, closing balance', async () => {
    const { id, entries } = await accountWith(7);
    for (const [from, to] of [[0, 7], [2, 5], [0, 0], [6, 7], [3, 3]] as const) {
      const [page] = await statement(id, { ...(entries[from] && { from: entries[from].created_at }), ...(entries[to] && { to: entries[to].created_at }) });
      expect(page!.lines.map(({ number }) => number)).toEqual(entries.slice(from, to).map(({ number }) => number));
      expect(BigInt(page!.opening_balance) + page!.lines.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(BigInt(page!.closing_balance));
    }
  });

  test('in pages shows each line once, and closes as it did on the first page whatever is posted meanwhile', async () => {
    const { id } = await accountWith(5);
    const first = must(await ledger.history.statement(owner, id, { limit: 2 }));
    await ledger.deposit(id, 1000n);
    const second = must(await ledger.history.statement(owner, id, { limit: 2, cursor: first.next_cursor! }));
    const third = must(await ledger.history.statement(owner, id, { limit: 2, cursor: second.next_cursor! }));
    expect([...first.lines, ...second.lines, ...third.lines].map(({ number }) => number)).toEqual(['1', '2', '3', '4', '5']);
    expect([first, second, third].map(({ opening_balance, closing_balance }) => [opening_balance, closing_balance])).toEqual([['0', '15'], ['0', '15'], ['0', '15']]);
    expect(third.next_cursor).toBeNull();
    expect((await statement(id, { limit: 3 })).flatMap(({ lines }) => lines)).toHaveLength(6);
  });

  test('of nothing, of another, or with a cursor or period that cannot be', async () => {
    const id = await ledger.account(owner);
    expect(await statement(id)).toEqual([{ account_id: id, currency: 'EUR', opening_balance: '0', closing_balance: '0', lines: [], next_cursor: null }]);
    expect(await ledger.history.statement(customer(), id, { limit: 1 })).toEqual({ refused: 'account_unknown' });
    for (const cursor of ['x', '1', '1-2', '0-0-99', '99-99-99', "0-0-1'"]) {
      expect(await ledger.history.statement(owner, id, { limit: 1, cursor })).toEqual({ refused: 'cursor_malformed' });
    }
    expect(await ledger.history.statement(owner, id, { limit: 1, from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' })).toEqual({ refused: 'period_invalid' });
  });
});

test('entries name the one across where there is one, and none where there are several', async () => {
  const payer = customer('payer');
  const [from, one, two] = [await ledger.account(payer, 100n), await ledger.account(customer()), await ledger.account(customer())];
  must(await ledger.transfers.post(payer, randomUUID(), { debit_account: from, credit_account: one, amount: 10n as never, currency: 'EUR', external_reference: 'order 1' }));
  must(await ledger.transfers.post(payer, randomUUID(), {
    legs: [{ account: from, side: 'debit', amount: 30n as never }, { account: one, side: 'credit', amount: 10n as never }, { account: two, side: 'credit', amount: 20n as never }],
  }));
  const { entries } = must(await ledger.history.entries(payer, from, { limit: 10 }));
  expect(entries.map(({ side, amount, balance_after, counterparty, external_reference }) => [side, amount, balance_after, counterparty === one, external_reference])).toEqual([
    ['debit', '30', '60', false, null], ['debit', '10', '90', true, 'order 1'], ['credit', '100', '100', false, null],
  ]);
  expect(entries[0]!.counterparty).toBeNull();
});

/** A microsecond earlier. */
function justBefore(instant: string): string {
  const micros = BigInt(Date.parse(`${instant.slice(0, 19)}Z`)) * 1000n + BigInt(instant.slice(20, 26)) - 1n;
  return `${new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19)}.${(micros % 1_000_000n).toString().padStart(6, '0')}Z`;
}
