import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { CallerOf } from '@holdfast/kit/authentication';
import type { Database } from '@holdfast/kit/postgres';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Housekeeping } from '../housekeeping.ts';
import { customer, ThrowawayLedger } from '../testing/throwaway-ledger.ts';
import { ForgetKeys } from '../transfers/forget-keys.ts';
import { MortalReplica, TwoShards } from '../transit/two-shards.ts';
import { verifyLedger } from '../verify/verify-ledger.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

let ledger: ThrowawayLedger;
let database: Database;

beforeAll(async () => {
  ledger = await ThrowawayLedger.start({ clock: true });
  database = ledger.postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 4 });
}, 120_000);
afterAll(() => ledger?.stop());
afterEach(async () => {
  jest.restoreAllMocks();
  await ledger.postgres.setClock(0);
});

/** Two people, the first of whom has 1,000. */
async function pair() {
  const [payer, payee] = [customer(), customer()];
  const [from, to] = [await ledger.account(payer, 1_000n), await ledger.account(payee)];
  const pay = (amountMinor: bigint, key: string = randomUUID()) => ledger.transfers.post(payer, key, { debit_account: from, credit_account: to, amount: amountMinor as never, currency: 'EUR' });
  const balances = async () => [(await ledger.moneyOf(payer, from)).split(' ')[0], (await ledger.moneyOf(payee, to)).split(' ')[0]];
  return { payer, payee, from, to, pay, balances };
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 20_000; !(await ask());) {
    if (performance.now() > deadline) throw new Error(`in 20 s there was not: ${what}`);
    await sleep(50);
  }
}

async function findings(): Promise<string[]> {
  const { checks } = await verifyLedger([{ number: 0, query: (sql, values, name) => database.query(sql, values, name) }], { rest: 0, patienceMs: [0] });
  return checks.flatMap(({ check, findings: found, trouble }) => [...found, ...(trouble === null ? [] : [trouble])].map((one) => `${check}: ${one}`));
}

test('the clock of the test jumps, and no other', async () => {
  await ledger.postgres.setClock(YEAR);
  const [row] = await database.query<{ ahead_s: number }>(`SELECT extract(epoch FROM clock_timestamp())::float8 - $1 AS ahead_s`, [Date.now() / 1_000]);
  expect(Math.round(row!.ahead_s / HOUR)).toBe(YEAR / HOUR);
});

describe('transfers', () => {
  test('while the clock of the ledger jumps to and fro are posted once each, and the books are whole', async () => {
    const { pay, balances, from, payer } = await pair();
    const keys = new Map<string, string>();
    for (const ahead_s of [0, YEAR, 0, -HOUR, -YEAR, 0, 90, -90]) {
      await ledger.postgres.setClock(ahead_s);
      for (const key of [...keys.keys(), randomUUID()]) {
        const told = await pay(10n, key);
        if (!('body' in told)) throw new Error(`refused at ${ahead_s} s: ${told.refused}`);
        expect([told.replayed, told.body.id]).toEqual([keys.has(key), keys.get(key) ?? told.body.id]);
        keys.set(key, told.body.id);
      }
    }
    expect(await balances()).toEqual(['920', '80']);
    const statement = await ledger.history.statement(payer, from, { limit: 100 });
    expect(statement).toMatchObject({ opening_balance: '0', closing_balance: '920' });
    expect('lines' in statement && statement.lines.map(({ number }) => Number(number))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await findings()).toEqual([]);
  });

  test('while the clock of the service jumps have ids of their own, and are posted once', async () => {
    const { pay, balances } = await pair();
    const real = Date.now.bind(Date);
    const ids = new Set<string>();
    for (const ahead_s of [YEAR, -30 * YEAR, 0]) {
      jest.spyOn(Date, 'now').mockImplementation(() => real() + ahead_s * 1_000);
      for (const told of await Promise.all([pay(1n), pay(1n), pay(1n)])) ids.add('body' in told ? told.body.id : told.refused);
    }
    expect(ids.size).toBe(9);
    expect(await balances()).toEqual(['991', '9']);
  });
});

describe('holds', () => {
  let housekeeping: Housekeeping | undefined;
  afterEach(() => housekeeping?.stop());

  const place = (payer: CallerOf, from: string, to: string) =>
    ledger.placing.place(payer, randomUUID(), { debit_account: from, credit_account: to, amount: 70n as never, currency: 'EUR' });
  const capture = (payee: CallerOf, id: string) => ledger.capturing.capture(payee, randomUUID(), id, {});

  test('are not let go of because a clock was wrong for a while: until it is right they are refused with a code, and then captured', async () => {
    const { payer, payee, from, to, balances } = await pair();
    const placed = await place(payer, from, to);
    if (!('body' in placed)) throw new Error(placed.refused);
    let looks = 0;
    const reads = jest.spyOn(database, 'session');
    housekeeping = new Housekeeping([{ shard: ledger.shard, database }], ledger.poster);
    housekeeping.start();
    const lookedAgain = async (): Promise<void> => {
      looks = reads.mock.calls.length;
      // One that is under way may have read the clock before it was set.
      await until('two looks at the clock', () => Promise.resolve(reads.mock.calls.length >= looks + 2));
    };
    await lookedAgain();
    await ledger.postgres.setClock(YEAR);
    await lookedAgain();
    expect(await capture(payee, placed.body.id)).toEqual({ refused: 'hold_expired' });
    expect(await ledger.holds.show(payer, placed.body.id)).toMatchObject({ status: 'open' });
    await ledger.postgres.setClock(0);
    await lookedAgain();
    expect(await capture(payee, placed.body.id)).toMatchObject({ body: { amount: '70' } });
    expect(await balances()).toEqual(['930', '70']);
  }, 90_000);

  test('that are placed by a clock which is behind, or ahead, end in the future of the ledger or are refused with a code', async () => {
    const { payer, from, to } = await pair();
    await ledger.postgres.setClock(YEAR);
    expect(await place(payer, from, to)).toEqual({ refused: 'expires_at_out_of_range' });
    await ledger.postgres.setClock(-YEAR);
    expect(await place(payer, from, to)).toMatchObject({ body: { status: 'open' } });
  });
});

describe('an idempotency key', () => {
  test('is not forgotten because the clock was a year ahead for a moment', async () => {
    const { pay, balances } = await pair();
    const keys = new ForgetKeys(ledger.shard);
    const key = randomUUID();
    await keys.look(0);
    await pay(10n, key);
    await ledger.postgres.setClock(YEAR);
    await keys.look(1_000);
    await keys.sweep();
    expect(await pay(10n, key)).toMatchObject({ replayed: true });
    // Nor by a replica that has just started.
    const fresh = new ForgetKeys(ledger.shard);
    await fresh.look(0);
    await fresh.sweep();
    expect(await pay(10n, key)).toMatchObject({ replayed: true });
    await ledger.postgres.setClock(0);
    expect(await pay(10n, key)).toMatchObject({ replayed: true });
    expect(await balances()).toEqual(['990', '10']);
  });

  test('of a time at which the clock was a year behind is not old when it is right again', async () => {
    const { pay, balances } = await pair();
    const keys = new ForgetKeys(ledger.shard);
    const key = randomUUID();
    await keys.look(0);
    await ledger.postgres.setClock(-YEAR);
    await keys.look(1_000);
    await pay(10n, key);
    await ledger.postgres.setClock(0);
    for (const one of [keys, new ForgetKeys(ledger.shard)]) {
      await one.look(2_000);
      await one.sweep();
    }
    expect(await pay(10n, key)).toMatchObject({ replayed: true });
    expect(await balances()).toEqual(['990', '10']);
  });
});

test('a balance as of an instant outside of a jump is what it was then, and one of a future that has gone is refused with a code', async () => {
  const { payer, from, pay } = await pair();
  const asOf = async (instant: string) => {
    const told = await ledger.history.balance(payer, from, { as_of: instant as never });
    return 'balance' in told ? told.balance : told.refused;
  };
  const postedAt = async (amountMinor: bigint) => {
    const told = await pay(amountMinor);
    return 'body' in told ? told.body.created_at : told.refused;
  };
  const before = await postedAt(10n);
  await ledger.postgres.setClock(HOUR);
  const ahead = await postedAt(20n);
  await ledger.postgres.setClock(0);
  expect(await asOf(ahead)).toBe('as_of_out_of_range');
  expect(await asOf(before)).toBe('990');
  await postedAt(40n);
  await ledger.postgres.setClock(2 * HOUR);
  const after = await postedAt(80n);
  expect([await asOf(before), await asOf(after)]).toEqual(['990', '850']);
  // Within the jump both are true; one is told.
  expect(['970', '930', '990']).toContain(await asOf(ahead));
});

test('money on its way to another shard is brought to its end, though its clock has gone back since it left', async () => {
  const shards = await TwoShards.start({ clock: true });
  try {
    const books = await shards.newBooks();
    const payment = await books.payment({ amountMinor: 60n, payee: 'open' });
    const dead = new MortalReplica(shards);
    await dead.ready();
    await dead.systemAccountsOf(books.currency);
    dead.crash = { write: dead.writes + 2, when: 'before' };
    expect(await dead.pay(payment)).toBe('died');
    for (const shard of [0, 1] as const) await shards.setClock(shard, -HOUR);
    const second = new MortalReplica(shards);
    await second.ready();
    // As the resumer itself would after its five seconds.
    expect(await second.resumer.resume(second.ledger.shards[0]!, 5_000)).toBe(0);
    await second.transit.allMarked();
    await books.expectAtRest();
    expect(await books.balanceOf(payment.payee)).toBe(60n);
  } finally {
    await shards.stop();
  }
}, 120_000);

