import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { customer, operator, ThrowawayLedger } from '../testing/throwaway-ledger.ts';
import { ForgetKeys } from './forget-keys.ts';

let ledger: ThrowawayLedger;
beforeAll(async () => { ledger = await ThrowawayLedger.start(); }, 120_000);
afterAll(() => ledger?.stop());

type Person = ReturnType<typeof customer>;
const clerk = operator();
const leg = (account: string, amount: bigint) => ({ account, side: amount < 0n ? 'debit' as const : 'credit' as const, amount: (amount < 0n ? -amount : amount) as never });
const post = (who: Person, legs: ReturnType<typeof leg>[], more: { currency?: 'EUR' | 'USD' } = {}, key = randomUUID()) => ledger.transfers.post(who, key, { legs, ...more });
const idOf = (answer: object): string => (answer as { body: { id: string } }).body.id;
const sums = () => ledger.sql(`SELECT coalesce(string_agg(sum::text, ' '), '') FROM (SELECT sum(balance_minor) FROM accounts GROUP BY currency) AS sums`);

async function people(...amounts: bigint[]) {
  return Promise.all(amounts.map(async (amount, index) => {
    const person = customer(`person-${index}`);
    return { person, account: await ledger.account(person, amount) };
  }));
}

describe('a transfer of many legs', () => {
  test('could be posted in part, or out of balance', async () => {
    const [payer, one, two] = await people(100n, 0n, 0n);
    const { person, account } = payer!;
    expect(await post(person, [leg(account, -30n), leg(one!.account, 10n), leg(two!.account, 21n)])).toEqual({ refused: 'legs_unbalanced' });
    expect(await post(person, [leg(account, -130n), leg(one!.account, 10n), leg(two!.account, 120n)])).toEqual({ refused: 'exceeds_balance' });
    expect(await post(person, [leg(account, -30n), leg(one!.account, 10n), leg(one!.account, 20n)])).toEqual({ refused: 'same_account' });
    expect(await post(person, [leg(account, -30n)])).toEqual({ refused: 'too_few_legs' });
    expect(await post(person, [leg(account, -30n), leg(one!.account, 30n), leg(two!.account, 0n)])).toEqual({ refused: 'leg_zero' });
    expect(await post(person, Array.from({ length: 51 }, () => leg(account, -1n)))).toEqual({ refused: 'too_many_legs' });
    expect(await ledger.moneyOf(person, account)).toBe('100 0 100');
    expect(await post(person, [leg(account, -30n), leg(one!.account, 10n), leg(two!.account, 20n)], { currency: 'USD' })).toEqual({ refused: 'currency_differs' });
    expect(await post(person, [leg(account, -30n), leg(one!.account, 10n), leg(two!.account, 20n)], { currency: 'EUR' })).toMatchObject({ body: { amount: null, currency: 'EUR' } });
    expect(await Promise.all([payer!, one!, two!].map(({ person: who, account: id }) => ledger.moneyOf(who, id)))).toEqual(['70 0 70', '10 0 10', '20 0 20']);
  });

  test('could spend the money of somebody who has not asked for it', async () => {
    const [thief, victim] = await people(10n, 100n);
    expect(await post(thief!.person, [leg(victim!.account, -50n), leg(thief!.account, 50n)])).toEqual({ refused: 'account_unknown' });
    expect(await post(thief!.person, [leg(thief!.account, -1n), leg(victim!.account, -50n), leg(await ledger.account(thief!.person), 51n)])).toEqual({ refused: 'account_unknown' });
    expect(await post(thief!.person, [leg(thief!.account, -1n), leg('fees', 1n)], { currency: 'EUR' })).toEqual({ refused: 'account_unknown' });
  });

  test('balances in each currency on its own', async () => {
    const one = customer('one');
    const [euro, dollar] = [await ledger.account(one, 100n), await ledger.account(one, 100n, 'USD')];
    const [desk] = await people(0n);
    const deskDollar = await ledger.account(desk!.person, 0n, 'USD');
    expect(await post(clerk, [leg(euro, -10n), leg(deskDollar, 10n)])).toEqual({ refused: 'legs_unbalanced' });
    const answer = await post(clerk, [leg(euro, -10n), leg(desk!.account, 10n), leg(dollar, -12n), leg(deskDollar, 12n)]);
    expect(answer).toMatchObject({ body: { currency: null, legs: [{}, {}, {}, {}] } });
    expect(await sums()).toMatch(/^0( 0)*$/);
  });

  test('shows a payee what he got, and not what the others got', async () => {
    const [payer, one, two] = await people(100n, 0n, 0n);
    const id = idOf(await post(payer!.person, [leg(payer!.account, -30n), leg(one!.account, 10n), leg(two!.account, 20n)]));
    expect(await ledger.shown.show(payer!.person, id)).toMatchObject({ legs: [{}, {}, {}], currency: 'EUR' });
    expect(await ledger.shown.show(one!.person, id)).toMatchObject({ legs: [{ account: payer!.account, side: 'debit', amount: '30' }, { account: one!.account, side: 'credit', amount: '10' }] });
    expect(await ledger.shown.show(customer(), id)).toEqual({ refused: 'transfer_unknown' });
  });
});

describe('a repeated request', () => {
  test('with the same words in another order is the same, and gets the same answer as long as the key is kept', async () => {
    const [payer, payee] = await people(100n, 0n);
    const key = randomUUID();
    const ask = (metadata: Record<string, string>) => ledger.transfers.post(payer!.person, key, {
      debit_account: payer!.account, credit_account: payee!.account, amount: 10n as never, currency: 'EUR', metadata, external_reference: 'o-1',
    });
    const first = await ask({ a: '1', b: '2' });
    expect(await ask({ b: '2', a: '1' })).toMatchObject({ replayed: true, body: { id: idOf(first), external_reference: 'o-1' } });
    expect(await ask({ a: '1', b: '3' })).toEqual({ refused: 'idempotency_key_reused' });
    const keys = new ForgetKeys(ledger.shard);
    await keys.look(0);
    expect(await keys.sweep()).toBe(0);
    expect(await ask({ a: '1', b: '2' })).toMatchObject({ replayed: true });
    await ledger.sql(`UPDATE idempotency_keys SET created_at = created_at - interval '34 days' WHERE key = '${key}'`);
    expect(await keys.sweep()).toBe(1);
    expect(await ledger.sql(`SELECT count(*) FROM idempotency_keys WHERE key = '${key}'`)).toBe('0');
  });
});

describe('an operator', () => {
  test('books a fee and gives it back; a key of his is one for each account', async () => {
    const [one, two] = await people(100n, 100n);
    const key = randomUUID();
    const fee = (account: string, amount = 5n) => ledger.transfers.post(clerk, key, { debit_account: account, credit_account: 'fees', amount: amount as never, currency: 'EUR' });
    const first = await fee(one!.account);
    expect(await fee(one!.account)).toMatchObject({ replayed: true });
    expect(await fee(one!.account, 6n)).toEqual({ refused: 'idempotency_key_reused' });
    expect(await fee(two!.account)).toMatchObject({ replayed: false });
    expect(await post(clerk, [leg(one!.account, -5n), leg('fees', 5n)])).toEqual({ refused: 'currency_missing' });
    expect(await ledger.reversals.reverse(clerk, randomUUID(), idOf(first), {})).toMatchObject({ body: { kind: 'reversal', reverses: idOf(first) } });
    expect([await ledger.moneyOf(one!.person, one!.account), await ledger.moneyOf(two!.person, two!.account)]).toEqual(['100 0 100', '95 0 95']);
  });

  test('pays out no more than there is', async () => {
    const [one] = await people(100n);
    const pay = (amount: bigint) => ledger.cash.book('withdrawal', clerk, randomUUID(), one!.account, { amount: amount as never });
    expect(await pay(101n)).toEqual({ refused: 'exceeds_balance' });
    expect(await pay(0n)).toEqual({ refused: 'amount_not_positive' });
    expect(await pay(60n)).toMatchObject({ body: { kind: 'withdrawal', debit_account: one!.account, amount: '60' } });
    expect(await ledger.moneyOf(one!.person, one!.account)).toBe('40 0 40');
    expect(await sums()).toMatch(/^0( 0)*$/);
  });
});

describe('a reversal', () => {
  test('could be done twice, of a reversal, or by who paid', async () => {
    const [payer, payee] = await people(100n, 0n);
    const id = idOf(await post(payer!.person, [leg(payer!.account, -40n), leg(payee!.account, 40n)]));
    expect(await ledger.reversals.reverse(payer!.person, randomUUID(), id, {})).toMatchObject({ refused: 'transfer_not_reversible' });
    expect(await ledger.reversals.reverse(customer(), randomUUID(), id, {})).toEqual({ refused: 'transfer_unknown' });
    const key = randomUUID();
    const answers = await Promise.all([key, key, randomUUID(), randomUUID()].map((one) => ledger.reversals.reverse(payee!.person, one, id, {})));
    const done = answers.filter((answer) => 'body' in answer && !answer.replayed);
    expect(done).toHaveLength(1);
    expect(await ledger.reversals.reverse(clerk, randomUUID(), id, {})).toEqual({ refused: 'already_reversed' });
    expect(await ledger.reversals.reverse(clerk, randomUUID(), idOf(done[0]!), {})).toEqual({ refused: 'reversal_of_reversal' });
    expect(await ledger.moneyOf(payer!.person, payer!.account)).toBe('100 0 100');
    expect(await ledger.shown.show(payer!.person, id)).toMatchObject({ reversed_by: idOf(done[0]!) });
  });

  test('could overdraw who has spent the money, or take from a third', async () => {
    const [payer, payee, other] = await people(100n, 0n, 0n);
    const id = idOf(await post(payer!.person, [leg(payer!.account, -40n), leg(payee!.account, 30n), leg(other!.account, 10n)]));
    expect(await ledger.reversals.reverse(payee!.person, randomUUID(), id, {})).toMatchObject({ refused: 'transfer_not_reversible' });
    await post(payee!.person, [leg(payee!.account, -30n), leg(other!.account, 30n)]);
    expect(await ledger.reversals.reverse(clerk, randomUUID(), id, {})).toEqual({ refused: 'exceeds_balance' });
    const deposit = await ledger.deposit(payee!.account, 7n);
    expect(await ledger.reversals.reverse(payee!.person, randomUUID(), deposit, {})).toMatchObject({ refused: 'transfer_not_reversible' });
    expect(await ledger.reversals.reverse(clerk, randomUUID(), deposit, {})).toMatchObject({ body: { kind: 'reversal' } });
  });
});

describe('a batch', () => {
  const item = (from: string, to: string, amount: unknown, key: unknown = randomUUID()) => ({ idempotency_key: key, debit_account: from, credit_account: to, amount, currency: 'EUR' });

  test('could let a faulty item touch the others, or answer out of order', async () => {
    const [payer, payee] = await people(100n, 0n);
    const [from, to] = [payer!.account, payee!.account];
    const items = [
      item(from, to, '10'), item(from, to, 10), item(from, to, '1000'), item(from, to, '20', 'x'.repeat(300)), item(from, to, '30', ''), null, 'x',
      { ...item(from, to, '1'), color: 'red' }, item(to, from, '5'), { idempotency_key: randomUUID(), legs: [leg(from, -1n), leg(to, 1n)].map((one) => ({ ...one, amount: '1' })) },
    ];
    const answer = await ledger.batches.post(payer!.person, { items });
    expect('items' in answer && answer.items.map(({ status, code }) => [status, code])).toEqual([
      [201, null], [400, 'invalid_request'], [422, 'exceeds_balance'], [400, 'idempotency_key_malformed'], [400, 'idempotency_key_missing'], [400, 'invalid_request'],
      [400, 'invalid_request'], [400, 'invalid_request'], [404, 'account_unknown'], [201, null],
    ]);
    expect('items' in answer && answer.items[1]!.detail).toContain('a JSON number is refused');
    expect(await ledger.moneyOf(payer!.person, from)).toBe('89 0 89');
  });

  test('repeated could post again what it has posted', async () => {
    const [payer, payee] = await people(1_000n, 0n);
    const items = Array.from({ length: 1_000 }, () => item(payer!.account, payee!.account, '1'));
    const [first, second] = [await ledger.batches.post(payer!.person, { items }), await ledger.batches.post(payer!.person, { items })];
    if (!('items' in first) || !('items' in second)) throw new Error('a batch was refused');
    expect(first.items.filter(({ status, replayed }) => status === 201 && !replayed)).toHaveLength(1_000);
    expect(second.items.map(({ transfer }) => transfer)).toEqual(first.items.map(({ transfer }) => transfer));
    expect(second.items.every(({ replayed }) => replayed)).toBe(true);
    expect(await ledger.moneyOf(payee!.person, payee!.account)).toBe('1000 0 1000');
  }, 30_000);

  test('has one item at least, and a thousand at most; a key in it twice is answered once', async () => {
    const [payer, payee] = await people(10n, 0n);
    expect(await ledger.batches.post(payer!.person, { items: [] })).toEqual({ refused: 'batch_empty' });
    expect(await ledger.batches.post(payer!.person, { items: Array.from({ length: 1_001 }, () => null) })).toEqual({ refused: 'batch_too_large' });
    const answer = await ledger.batches.post(payer!.person, { items: [1, 2].map(() => item(payer!.account, payee!.account, '1', 'same')) });
    expect('items' in answer && answer.items.map(({ code }) => code)).toEqual([null, 'idempotency_in_flight']);
  });
});
