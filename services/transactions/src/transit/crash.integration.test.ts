import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isRefusal } from '@holdfast/kit/problem';
import fc from 'fast-check';
import { MortalReplica, TwoShards, type Crash, type Payment } from './two-shards.ts';

let shards: TwoShards;

beforeAll(async () => { shards = await TwoShards.start(); }, 120_000);

afterAll(() => shards?.stop());

/** Far more than any way through the machine has. */
const WRITES_MAX = 12;

const ways: readonly [name: string, payee: 'open' | 'frozen' | 'unknown', payer: 'open' | 'frozen'][] = [
  ['to an open account', 'open', 'open'],
  ['to an account that refuses, so that it comes back', 'frozen', 'open'],
  ['to an account that is not there, so that it comes back to a payer who was frozen meanwhile', 'unknown', 'frozen'],
];

describe.each(ways)('a replica that dies while money goes %s', (_name, payeeIs, payerIs) => {
  // Each write is one durable step. A replica dies just before it leaves, or when it is committed but before the answer is there.
  test.each(['before', 'after'] as const)('%s any write: another one brings it to its end, once', async (when) => {
    for (let write = 1; ; write++) {
      expect(write).toBeLessThan(WRITES_MAX);
      // A currency of its own, so that making the accounts in transit is among the steps.
      const books = await shards.newBooks();
      const payment = await books.payment({ amountMinor: 60n, payee: payeeIs });
      const first = new MortalReplica(shards, { write, when });
      await first.ready();
      const answer = await first.pay(payment);
      await books.expectZeroSums();
      if (payerIs === 'frozen') await books.freeze(payment.payer);

      const second = new MortalReplica(shards);
      await second.ready();
      await second.resumeAll();
      const again = await second.pay(payment);
      await books.expectAtRest();

      if (payeeIs === 'open') {
        expect(again).toBe('posted');
        expect([await books.balanceOf(payment.payer), await books.balanceOf(payment.payee)]).toEqual([40n, 60n]);
      } else {
        // Frozen before anything was sent: then the first answer is the payer's own, and nothing ever left.
        expect(isRefusal(again)).toBe(true);
        expect(await books.balanceOf(payment.payer)).toBe(100n);
      }
      // Who was told something is told the same again, even by another replica, and though the first one died of the mark that nobody waited for.
      if (answer !== 'died') expect(answer).toEqual(again);
      if (!first.isDead) {
        expect(answer).not.toBe('died');
        // One more than there are steps: it lived through them all. The first half, the second, the mark.
        expect(write).toBeGreaterThan(3);
        return;
      }
    }
  }, 120_000);
});

test('two that go on with the same transfers at once: each arrives once', async () => {
  const books = await shards.newBooks();
  const payments = await Promise.all(Array.from({ length: 20 }, (_, n) => books.payment({ amountMinor: BigInt(n + 1), payee: n % 4 === 3 ? 'frozen' : 'open' })));
  const dead = new MortalReplica(shards);
  await dead.ready();
  await dead.systemAccountsOf(books.currency);
  dead.crash = { write: dead.writes + 2, when: 'before' };
  await Promise.all(payments.map((payment) => dead.pay(payment)));
  expect(await books.underWay()).toBe(20);
  const replicas = Array.from({ length: 4 }, () => new MortalReplica(shards));
  await Promise.all(replicas.map((replica) => replica.ready()));
  await Promise.all(replicas.map((replica) => replica.resumeAll()));
  await books.expectAtRest();
  for (const [n, payment] of payments.entries()) {
    expect(await books.balanceOf(payment.payer)).toBe(n % 4 === 3 ? 100n : 100n - payment.amountMinor);
    expect(await books.balanceOf(payment.payee)).toBe(n % 4 === 3 ? 0n : payment.amountMinor);
  }
}, 60_000);

test('the other shard away: pending, told so again, and posted when it is back', async () => {
  const books = await shards.newBooks();
  const payment = await books.payment({ amountMinor: 60n, payee: 'open' });
  const replica = new MortalReplica(shards);
  await replica.ready();
  await replica.systemAccountsOf(books.currency);
  replica.away.add(1);
  expect(await replica.pay(payment)).toBe('pending');
  expect(await replica.pay(payment)).toBe('pending');
  expect(await replica.resumer.resume(replica.ledger.shards[0]!, -1_000)).toBe(1);
  expect(await books.balanceOf(payment.payer)).toBe(40n);
  await books.expectZeroSums();
  replica.away.clear();
  expect(await replica.resumer.resume(replica.ledger.shards[0]!, -1_000)).toBe(0);
  expect(await replica.pay(payment)).toBe('posted');
  await books.expectAtRest();
}, 30_000);

test('a payee who opens his account again does not get what had been decided against', async () => {
  const books = await shards.newBooks();
  const payment = await books.payment({ amountMinor: 60n, payee: 'frozen' });
  const replica = new MortalReplica(shards);
  await replica.ready();
  await replica.systemAccountsOf(books.currency);
  replica.crash = { write: replica.writes + 2, when: 'after' };
  expect(await replica.pay(payment)).toBe('died');
  await books.thaw(payment.payee);
  const second = new MortalReplica(shards);
  await second.ready();
  await second.resumeAll();
  expect(await second.pay(payment)).toEqual({ refused: 'account_frozen' });
  await books.expectAtRest();
  expect([await books.balanceOf(payment.payer), await books.balanceOf(payment.payee)]).toEqual([100n, 0n]);
}, 30_000);

test('whatever dies when, and however often: every payment is made once or not at all, and its key tells which', async () => {
  const crash = fc.record({ write: fc.integer({ min: 1, max: 10 }), when: fc.constantFrom<Crash['when'][]>('before', 'after') });
  const payee = fc.constantFrom<('open' | 'frozen' | 'unknown')[]>('open', 'open', 'open', 'frozen', 'unknown');
  const wish = fc.record({ amountMinor: fc.bigInt({ min: 1n, max: 120n }), payee, backwards: fc.boolean() });
  await fc.assert(fc.asyncProperty(fc.array(wish, { minLength: 1, maxLength: 8 }), fc.array(crash, { minLength: 1, maxLength: 4 }), async (wishes, crashes) => {
    const books = await shards.newBooks();
    const payments: Payment[] = await Promise.all(wishes.map((each) => books.payment(each)));
    for (const each of crashes) {
      const replica = new MortalReplica(shards, each);
      await replica.ready();
      await Promise.all([...payments.map((payment) => replica.pay(payment)), replica.resumeAll()]);
      await books.expectZeroSums();
    }
    const last = new MortalReplica(shards);
    await last.ready();
    await last.resumeAll();
    for (const [n, payment] of payments.entries()) {
      const answer = await last.pay(payment);
      expect(await last.pay(payment)).toEqual(answer);
      const expected = payment.amountMinor > 100n ? { refused: 'exceeds_balance' }
        : wishes[n]!.payee === 'open' ? 'posted' : { refused: wishes[n]!.payee === 'frozen' ? 'account_frozen' : 'account_unknown' };
      expect(answer).toEqual(expected);
      const movedMinor = answer === 'posted' ? payment.amountMinor : 0n;
      expect(await books.balanceOf(payment.payer)).toBe(100n - movedMinor);
      if (wishes[n]!.payee !== 'unknown') expect(await books.balanceOf(payment.payee)).toBe(movedMinor);
    }
    await books.expectAtRest();
  }), { numRuns: 25 });
}, 300_000);
