import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isRefusal } from '@holdfast/kit/problem';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { newAccountId, newTransferId, type AccountId } from '../accounts/account-id.ts';
import { findAccount, insertAccount, listEntries, type AccountRow, type NewAccount } from '../accounts/accounts.store.ts';
import { Shard, STATEMENT_TIMEOUT_MS, WRITE_QUERY_TIMEOUT_MS, WRITE_TIMEOUT_MS } from '../shards/shard.ts';
import { readOutboxBacklog } from '../shards/shards.store.ts';
import { decideTransfer, type Account } from './decide-transfer.ts';
import { hashOfRequest } from './idempotency.ts';
import { postBatch } from './posting.store.ts';
import type { Posting } from './posting.ts';

let postgres: ThrowawayPostgres;
let shard: Shard;

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({
    database: 'ledger', role: 'transactions', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)),
  });
  const open = () => postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 8 });
  shard = new Shard({ number: 0, writes: open(), reads: open(), answerTimeoutMs: 5_000 });
}, 120_000);

afterAll(() => postgres?.stop());

async function openAccount(owner: string, more: Partial<NewAccount> = {}): Promise<AccountId> {
  const row = await insertAccount(shard, {
    id: newAccountId(7), owner, name: undefined, currency: 'EUR', kind: 'customer', normalSide: 'credit', actor: owner, traceparent: undefined, ...more,
  });
  return row!.id;
}

const cashAccount = () => openAccount(`system:${randomUUID()}`, { kind: 'system', normalSide: 'debit' });

function posting(debitAccount: AccountId, creditAccount: AccountId, amountMinor: bigint, more: Partial<Posting> = {}): Posting {
  return {
    scope: 'somebody', key: randomUUID(), requestHash: hashOfRequest('transfer', [debitAccount, creditAccount, amountMinor.toString()]),
    transferId: newTransferId(7), debitAccount, creditAccount, amountMinor, currency: 'EUR', reference: undefined, owner: undefined,
    refusal: undefined, actor: 'somebody', traceparent: undefined, ...more,
  };
}

const outcomes = async (...postings: Posting[]) => (await postBatch(shard, postings)).map((posted) => posted.outcome);
const balanceOf = async (id: AccountId) => (await findAccount(shard, id))!.balance_minor;
const sumOfAll = () => postgres.sql('postgres', 'SELECT sum(balance_minor) FROM accounts', 'ledger');

describe('two that want the last money', () => {
  test('at once: one has it, the other is refused', async () => {
    const [cash, alice, bob] = await Promise.all([cashAccount(), openAccount('alice'), openAccount('bob')]);
    await postBatch(shard, [posting(cash, alice, 100n)]);
    const both = await Promise.all(Array.from({ length: 8 }, () => outcomes(posting(alice, bob, 60n, { owner: 'alice' }))));
    expect(both.flat().sort()).toEqual([...Array<string>(7).fill('exceeds_balance'), 'posted']);
    expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([40n, 60n]);
  });

  test('in one batch: in the order in which they came', async () => {
    const [cash, alice, bob] = await Promise.all([cashAccount(), openAccount('alice'), openAccount('bob')]);
    expect(await outcomes(posting(cash, alice, 100n), posting(alice, bob, 60n), posting(alice, bob, 60n), posting(bob, alice, 20n), posting(alice, bob, 60n)))
      .toEqual(['posted', 'posted', 'exceeds_balance', 'posted', 'posted']);
    expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([0n, 100n]);
  });

  test('crosswise in many batches: nobody deadlocks, and nothing is lost', async () => {
    const cash = await cashAccount();
    const accounts = await Promise.all(Array.from({ length: 6 }, (_, index) => openAccount(`person-${index}`)));
    await postBatch(shard, accounts.map((account) => posting(cash, account, 1000n)));
    const batches = Array.from({ length: 40 }, (_, batch) => Array.from({ length: 10 }, (_, item) =>
      posting(accounts[(batch + item) % 6]!, accounts[(batch * 5 + item * 3 + 1) % 6]!, BigInt(1 + item))));
    await Promise.all(batches.map((batch) => postBatch(shard, batch)));
    const balances = await Promise.all(accounts.map(balanceOf));
    expect(balances.reduce((sum, balance) => sum + balance, 0n)).toBe(6000n);
    expect(await sumOfAll()).toBe('0');
  });
});

describe('a key that comes again', () => {
  test('at once, from several replicas: the money moves once and all get the same answer', async () => {
    const [cash, alice] = await Promise.all([cashAccount(), openAccount('alice')]);
    const key = randomUUID();
    const all = (await Promise.all(Array.from({ length: 6 }, () => postBatch(shard, [posting(cash, alice, 100n, { key })])))).flat();
    expect(all.filter((posted) => !posted.replayed)).toHaveLength(1);
    expect(new Set(all.map((posted) => `${posted.outcome} ${posted.transferId} ${posted.postedAt}`)).size).toBe(1);
    expect(await balanceOf(alice)).toBe(100n);
  });

  test('with another body: refused, and the first answer stands', async () => {
    const [cash, alice] = await Promise.all([cashAccount(), openAccount('alice')]);
    const key = randomUUID();
    expect(await outcomes(posting(cash, alice, 100n, { key }))).toEqual(['posted']);
    expect(await outcomes(posting(cash, alice, 101n, { key }))).toEqual(['idempotency_key_reused']);
    expect(await postBatch(shard, [posting(cash, alice, 100n, { key })])).toMatchObject([{ outcome: 'posted', replayed: true }]);
    expect(await balanceOf(alice)).toBe(100n);
  });

  test('after a refusal: refused again, even if there is money by now', async () => {
    const [cash, alice, bob] = await Promise.all([cashAccount(), openAccount('alice'), openAccount('bob')]);
    const first = posting(alice, bob, 50n, { owner: 'alice' });
    expect(await outcomes(first)).toEqual(['exceeds_balance']);
    expect(await outcomes(posting(cash, alice, 100n), { ...first, transferId: newTransferId(7) })).toEqual(['posted', 'exceeds_balance']);
  });

  test('of somebody else: is another key', async () => {
    const [cash, alice] = await Promise.all([cashAccount(), openAccount('alice')]);
    const key = randomUUID();
    expect(await outcomes(posting(cash, alice, 1n, { key, scope: 'one' }), posting(cash, alice, 2n, { key, scope: 'other' }))).toEqual(['posted', 'posted']);
  });
});

test('the database decides as decide-transfer.ts does, whatever comes', async () => {
  const amount = fc.oneof(fc.bigInt({ min: -3n, max: 300n }), fc.constant(9_223_372_036_854_775_807n));
  const item = fc.record({
    debit: fc.nat(7), credit: fc.nat(7), amountMinor: amount, currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD'), owner: fc.constantFrom('p0', 'p1', undefined, undefined),
  });
  await fc.assert(fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 40 }), async (items) => {
    const run = randomUUID();
    const named = (owner: string | undefined) => owner && `${owner} ${run}`;
    const ids = [
      await openAccount(named('p0')!), await openAccount(named('p0')!), await openAccount(named('p1')!), await openAccount(named('p1')!, { currency: 'USD' }),
      await openAccount(`system:${run}`, { kind: 'system', normalSide: 'debit' }), await openAccount(named('p1')!), await openAccount(named('p0')!), newAccountId(7),
    ];
    await postgres.sql('postgres', `UPDATE accounts SET overdraft = 'allowed' WHERE id = '${ids[5]}'; UPDATE accounts SET status = 'frozen' WHERE id = '${ids[6]}'`, 'ledger');
    const accounts = (await Promise.all(ids.map((id) => findAccount(shard, id)))).map((row, index) => row && modelOf(row, index === 5));
    const expected = items.map(({ debit, credit, amountMinor, currency, owner }) => {
      const decision = decideTransfer({ amountMinor, currency, owner: named(owner) }, accounts[debit], accounts[credit]);
      if (isRefusal(decision)) return decision.refused;
      accounts[debit] = { ...accounts[debit]!, balanceMinor: decision[0].balanceAfterMinor };
      accounts[credit] = { ...accounts[credit]!, balanceMinor: decision[1].balanceAfterMinor };
      return 'posted';
    });
    expect(await outcomes(...items.map(({ debit, credit, amountMinor, currency, owner }) =>
      posting(ids[debit]!, ids[credit]!, amountMinor, { currency, owner: named(owner) })))).toEqual(expected);
    const after = await Promise.all(ids.map((id) => findAccount(shard, id)));
    expect(after.map((row) => row?.balance_minor)).toEqual(accounts.map((account) => account?.balanceMinor));
  }), { numRuns: 25 });
  expect(await sumOfAll()).toBe('0');
}, 120_000);

function modelOf(row: AccountRow, mayOverdraw: boolean): Account {
  return {
    id: row.id, owner: row.owner, currency: row.currency, kind: row.kind, normalSide: row.normal_side, overdraft: mayOverdraw ? 'allowed' : 'forbidden',
    status: row.status, balanceMinor: row.balance_minor,
  };
}

describe('the books', () => {
  test('show every entry in order, with the balance after it', async () => {
    const [cash, alice, bob] = await Promise.all([cashAccount(), openAccount('alice'), openAccount('bob')]);
    await postBatch(shard, [posting(cash, alice, 100n, { reference: 'salary' }), posting(alice, bob, 30n), posting(alice, bob, 70n)]);
    expect(await listEntries(shard, alice, undefined, 10)).toMatchObject([
      { account_version: 3n, amount_minor: -70n, balance_after_minor: 0n, counterparty: bob },
      { account_version: 2n, amount_minor: -30n, balance_after_minor: 70n, counterparty: bob },
      { account_version: 1n, amount_minor: 100n, balance_after_minor: 100n, counterparty: cash, reference: 'salary' },
    ]);
  });

  test('tell of every transfer in the outbox, in the same transaction, and of no refusal', async () => {
    const [cash, alice] = await Promise.all([cashAccount(), openAccount('alice')]);
    const before = await readOutboxBacklog(shard);
    await postBatch(shard, [posting(cash, alice, 5n), posting(alice, cash, 500n)]);
    expect((await readOutboxBacklog(shard)).events - before.events).toBe(1n);
    expect(JSON.parse(await postgres.sql('postgres', 'SELECT data FROM outbox ORDER BY id DESC LIMIT 1', 'ledger')))
      .toMatchObject({ debit_account: cash, credit_account: alice, amount: '5', currency: 'EUR', debit_balance: '-5', credit_balance: '5', reference: null });
  });

  test.each(['transactions', 'setup', 'postgres'])('cannot be rewritten by the role %s', async (role) => {
    for (const table of ['transfers', 'entries']) {
      for (const statement of [`UPDATE ${table} SET amount_minor = 1`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`]) {
        await expect(postgres.sql(role, statement, 'ledger')).rejects.toThrow(/append-only|permission denied/);
      }
    }
  });

  test('refuse an overdraft even from one who writes balances by hand', async () => {
    const alice = await openAccount('alice');
    await expect(postgres.sql('transactions', `UPDATE accounts SET balance_minor = -1 WHERE id = '${alice}'`, 'ledger')).rejects.toThrow('balance_within_policy');
  });

  test('refuse entries that do not balance, and a change of what an account is for life', async () => {
    const [cash, alice] = await Promise.all([cashAccount(), openAccount('alice')]);
    const transferId = (await postBatch(shard, [posting(cash, alice, 5n)]))[0]!.transferId;
    await expect(postgres.sql('transactions', `INSERT INTO entries VALUES ('${alice}', 2, '${transferId}', 5, 10, now())`, 'ledger')).rejects.toThrow('not one debit and one credit');
    await expect(postgres.sql('transactions', `UPDATE accounts SET owner = 'mallory' WHERE id = '${alice}'`, 'ledger')).rejects.toThrow('permission denied');
    await expect(postgres.sql('transactions', 'UPDATE accounts SET overdraft = \'allowed\'', 'ledger')).rejects.toThrow('permission denied');
  });
});

test('without its synchronous replica the ledger answers 503 in time, and the same key tells the truth afterwards', async () => {
  const [cash, alice, otherCash, bob] = await Promise.all([cashAccount(), openAccount('alice'), cashAccount(), openAccount('bob')]);
  const open = (more: { queryTimeoutMs?: number } = {}) =>
    postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 4, statementTimeoutMs: STATEMENT_TIMEOUT_MS, ...more });
  const asInProduction = new Shard({ number: 0, writes: open({ queryTimeoutMs: WRITE_QUERY_TIMEOUT_MS }), reads: open(), answerTimeoutMs: WRITE_TIMEOUT_MS });
  const backendsInWait = () => postgres.sql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'transactions'");
  const item = posting(cash, alice, 100n);
  await postgres.sql('postgres', "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  await postgres.sql('postgres', 'SELECT pg_reload_conf()');
  try {
    const began = Date.now();
    await expect(postBatch(asInProduction, [item])).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(Date.now() - began).toBeLessThan(WRITE_TIMEOUT_MS + 1_000);
    // By now a connection with too short a time-out would have been given up, and the stall forgotten.
    expect(await backendsInWait()).toBe('1');
    expect(asInProduction.isStalled()).toBe(true);
    const findsOut = expect(postBatch(asInProduction, [posting(otherCash, bob, 1n)])).rejects.toMatchObject({ status: 503 });
    const refusedFrom = Date.now();
    await expect(postBatch(asInProduction, [posting(cash, alice, 1n)])).rejects.toMatchObject({ status: 503 });
    expect(Date.now() - refusedFrom).toBeLessThan(100);
    await findsOut;
    expect(await backendsInWait()).toBe('2');
    expect(asInProduction.isStalled()).toBe(true);
    expect((await findAccount(asInProduction, alice))!.balance_minor).toBe(0n);
  } finally {
    await postgres.sql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
    await postgres.sql('postgres', 'SELECT pg_reload_conf()');
  }
  expect(await postBatch(shard, [{ ...item, transferId: newTransferId(7) }])).toMatchObject([{ outcome: 'posted', replayed: true, transferId: item.transferId }]);
  expect(await balanceOf(alice)).toBe(100n);
  expect(await postBatch(asInProduction, [posting(cash, alice, 1n)])).toMatchObject([{ outcome: 'posted' }]);
  expect(asInProduction.isStalled()).toBe(false);
}, 30_000);
