import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { customer, operator, ThrowawayLedger } from '../testing/throwaway-ledger.ts';

let ledger: ThrowawayLedger;
beforeAll(async () => { ledger = await ThrowawayLedger.start(); }, 120_000);
afterAll(() => ledger?.stop());

const clerk = operator();
const pay = (payer: ReturnType<typeof customer>, from: string, to: string, amount: bigint) =>
  ledger.transfers.post(payer, randomUUID(), { debit_account: from, credit_account: to, amount: amount as never, currency: 'EUR' });
const eventsOf = async (account: string): Promise<string[]> => (await ledger.sql(
  `SELECT data->>'status' || ' ' || coalesce(data->>'overdraft_limit', 'none') FROM outbox WHERE type = 'account.changed' AND data->>'account_id' = '${account}' ORDER BY id`)).split('\n').filter(Boolean);

describe('opening', () => {
  test('a request that comes again with its key could open a second account', async () => {
    const owner = customer();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 5 }, () => ledger.accounts.open(owner, key, { currency: 'EUR', name: 'Savings' })));
    const ids = answers.map((answer) => ('body' in answer ? answer.body.id : answer.refused));
    expect(new Set(ids).size).toBe(1);
    expect(answers.filter((answer) => 'body' in answer && answer.replayed)).toHaveLength(4);
    expect(await ledger.accounts.open(owner, key, { currency: 'USD', name: 'Savings' })).toEqual({ refused: 'idempotency_key_reused' });
    expect(await ledger.sql(`SELECT count(*) FROM outbox WHERE type = 'account.opened' AND data->>'owner' = '${owner.subject}'`)).toBe('1');
    await ledger.accounts.open(owner, undefined, { currency: 'EUR' });
    expect(await ledger.accounts.listOwn(owner, { limit: 10 })).toMatchObject({ accounts: [{ id: ids[0] }, {}], next_cursor: null });
  });

  test('an account could be opened on a shard that its bucket has just left', async () => {
    const owner = customer();
    await ledger.sql('UPDATE shard_map SET shard = 1');
    try {
      expect(await ledger.accounts.open(owner, undefined, { currency: 'EUR' })).toEqual({ refused: 'bucket_moved' });
    } finally {
      await ledger.sql('UPDATE shard_map SET shard = 0');
    }
  });

  test('metadata comes back as it was given', async () => {
    const owner = customer();
    const opened = await ledger.accounts.open(owner, undefined, { currency: 'EUR', metadata: { shop: 'Tōkyō' } });
    expect(opened).toMatchObject({ body: { metadata: { shop: 'Tōkyō' } } });
  });
});

describe('a frozen account', () => {
  test('moves no money in either direction until it is open again, and tells of each change once', async () => {
    const [alice, bob] = [customer('alice'), customer('bob')];
    const [from, to] = [await ledger.account(alice, 100n), await ledger.account(bob, 50n)];
    for (let time = 0; time < 2; time++) expect(await ledger.changes.change(clerk, from, 'freeze')).toMatchObject({ status: 'frozen' });
    expect(await pay(alice, from, to, 1n)).toEqual({ refused: 'account_frozen' });
    expect(await pay(bob, to, from, 1n)).toEqual({ refused: 'account_frozen' });
    expect(await ledger.changes.change(alice, from, 'close')).toEqual({ refused: 'account_frozen' });
    expect(await ledger.changes.change(clerk, from, 'unfreeze')).toMatchObject({ status: 'open' });
    expect(await pay(alice, from, to, 1n)).toMatchObject({ replayed: false });
    expect(await eventsOf(from)).toEqual(['frozen 0', 'open 0']);
  });
});

describe('a closed account', () => {
  test('must be empty and hold nothing, stays closed, and is closed by nobody else', async () => {
    const [alice, bob] = [customer('alice'), customer('bob')];
    const [from, to] = [await ledger.account(alice, 100n), await ledger.account(bob)];
    expect(await ledger.changes.change(bob, from, 'close')).toEqual({ refused: 'account_unknown' });
    expect(await ledger.changes.change(alice, from, 'close')).toEqual({ refused: 'account_not_empty' });
    const placed = await ledger.placing.place(alice, randomUUID(), { debit_account: from, credit_account: to, amount: 40n as never, currency: 'EUR' });
    expect(await ledger.changes.change(alice, from, 'close')).toEqual({ refused: 'account_has_holds' });
    await ledger.voiding.void(bob, randomUUID(), 'body' in placed ? placed.body.id : '');
    await pay(alice, from, to, 100n);
    for (let time = 0; time < 2; time++) expect(await ledger.changes.change(alice, from, 'close')).toMatchObject({ status: 'closed' });
    expect(await pay(bob, to, from, 1n)).toEqual({ refused: 'account_closed' });
    for (const change of ['freeze', 'unfreeze', 'overdraft_limit', 'metadata'] as const) {
      expect(await ledger.changes.change(clerk, from, change)).toEqual({ refused: 'account_closed' });
    }
    expect(await eventsOf(from)).toEqual(['closed 0']);
  });

  test('cannot have got money at the same moment', async () => {
    const bob = customer('bob');
    const to = await ledger.account(bob, 1_000n);
    const outcomes = await Promise.all(Array.from({ length: 12 }, async () => {
      const alice = customer('alice');
      const account = await ledger.account(alice);
      const [closed, paid] = await Promise.all([ledger.changes.change(alice, account, 'close'), pay(bob, to, account, 1n)]);
      return [isDone(closed), isDone(paid)];
    }));
    for (const [closed, paid] of outcomes) expect(closed).not.toBe(paid);
    expect(await ledger.sql(`SELECT count(*) FROM accounts WHERE status = 'closed' AND balance_minor <> 0`)).toBe('0');
  });
});

const isDone = (outcome: unknown): boolean => !(typeof outcome === 'object' && outcome !== null && 'refused' in outcome);

describe('an overdraft limit', () => {
  test('lets an account go that far below zero, and cannot be lowered below what is used', async () => {
    const [alice, bob] = [customer('alice'), customer('bob')];
    const [from, to] = [await ledger.account(alice, 10n), await ledger.account(bob)];
    expect(await ledger.changes.change(clerk, from, 'overdraft_limit', { limitMinor: 50n })).toMatchObject({ available: '60', overdraft_limit: '50' });
    expect(await pay(alice, from, to, 61n)).toEqual({ refused: 'exceeds_balance' });
    expect(await pay(alice, from, to, 60n)).toMatchObject({ replayed: false });
    expect(await ledger.moneyOf(alice, from)).toBe('-50 0 0');
    expect(await ledger.changes.change(clerk, from, 'overdraft_limit', { limitMinor: 49n })).toEqual({ refused: 'overdraft_in_use' });
    expect(await ledger.changes.change(clerk, from, 'overdraft_limit', { limitMinor: null })).toMatchObject({ available: null, overdraft_limit: null });
    expect(await pay(alice, from, to, 9_000_000_000_000_000_000n)).toMatchObject({ replayed: false });
    expect(await eventsOf(from)).toEqual(['open 50', 'open none']);
  });
});

test('the accounts of the platform could be frozen or closed like any other', async () => {
  await ledger.account(customer(), 1n);
  const cash = await ledger.sql(`SELECT id FROM accounts WHERE owner = 'system:cash-in' AND currency = 'EUR'`);
  expect(await ledger.changes.change(clerk, cash, 'freeze')).toEqual({ refused: 'account_unknown' });
});
