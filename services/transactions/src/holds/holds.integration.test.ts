import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { customer, operator, ThrowawayLedger } from '../testing/throwaway-ledger.ts';
import { expireHolds } from './expire-holds.ts';

let ledger: ThrowawayLedger;
beforeAll(async () => { ledger = await ThrowawayLedger.start(); }, 120_000);
afterAll(() => ledger?.stop());

type Person = ReturnType<typeof customer>;

/** A payer with 100 and a payee with nothing. */
async function pair() {
  const [payer, payee] = [customer('payer'), customer('payee')];
  const [from, to] = [await ledger.account(payer, 100n), await ledger.account(payee)];
  const place = (amount: bigint, more: { expires_at?: string; currency?: 'USD'; reference?: string } = {}, key = randomUUID(), who: Person = payer) =>
    ledger.placing.place(who, key, { debit_account: from, credit_account: to, amount: amount as never, currency: 'EUR', ...more });
  const held = async (amount: bigint, more = {}): Promise<string> => {
    const placed = await place(amount, more);
    if (!('body' in placed)) throw new Error(`a hold was refused: ${placed.refused}`);
    return placed.body.id;
  };
  const capture = (id: string, amount?: bigint, who: Person = payee, key = randomUUID()) => ledger.capturing.capture(who, key, id, { amount: amount as never });
  const money = async () => [await ledger.moneyOf(payer, from), await ledger.moneyOf(payee, to)];
  return { payer, payee, from, to, place, held, capture, money };
}

const late = (id: string) => ledger.sql(`UPDATE holds SET expires_at = clock_timestamp() - interval '1 second' WHERE id = '${id}'`);

test('what is held could be spent all the same', async () => {
  const { payer, from, to, held, place, money } = await pair();
  await held(70n);
  expect(await money()).toEqual(['100 70 30', '0 0 0']);
  expect(await place(31n)).toEqual({ refused: 'exceeds_balance' });
  expect(await ledger.transfers.post(payer, randomUUID(), { debit_account: from, credit_account: to, amount: 31n as never, currency: 'EUR' })).toEqual({ refused: 'exceeds_balance' });
  await held(30n);
  expect(await money()).toEqual(['100 100 0', '0 0 0']);
});

describe('a capture', () => {
  test('of some of it could keep the rest, or be done again', async () => {
    const { held, capture, money } = await pair();
    const id = await held(70n, { reference: 'room 12' });
    expect(await capture(id, 71n)).toEqual({ refused: 'capture_exceeds_hold' });
    expect(await capture(id, 50n)).toMatchObject({ body: { kind: 'capture', amount: '50', hold: id, reference: 'room 12' } });
    expect(await money()).toEqual(['50 0 50', '50 0 50']);
    expect(await capture(id, 1n)).toEqual({ refused: 'hold_not_open' });
  });

  test('repeated with its key could post twice, or answer otherwise', async () => {
    const { held, capture, money, payee } = await pair();
    const [id, key] = [await held(70n), randomUUID()];
    const answers = await Promise.all([capture(id, undefined, payee, key), capture(id, undefined, payee, key)]);
    const again = await capture(id, undefined, payee, key);
    expect(again).toMatchObject({ replayed: true, body: { amount: '70' } });
    for (const answer of answers) if ('body' in answer) expect(answer.body).toEqual('body' in again && again.body);
    expect(await money()).toEqual(['30 0 30', '70 0 70']);
  });

  test('by many at once could take more than was held', async () => {
    const { held, capture, money } = await pair();
    const id = await held(70n);
    const answers = await Promise.all(Array.from({ length: 10 }, () => capture(id, 70n)));
    expect(answers.filter((answer) => 'body' in answer)).toHaveLength(1);
    expect(await money()).toEqual(['30 0 30', '70 0 70']);
  });

  test('too late could be taken, as the sweep had not come yet', async () => {
    const { held, capture, money } = await pair();
    const id = await held(70n);
    await late(id);
    expect(await capture(id)).toEqual({ refused: 'hold_expired' });
    expect(await money()).toEqual(['100 70 30', '0 0 0']);
  });

  test('is for the payee and operators: the payer could take back what he promised, or a stranger all of it', async () => {
    const { payer, held, capture } = await pair();
    const id = await held(70n);
    for (const who of [payer, customer('stranger')]) {
      expect(await capture(id, 1n, who)).toMatchObject({ refused: 'hold_unknown' });
      expect(await ledger.voiding.void(who, randomUUID(), id)).toMatchObject({ refused: 'hold_unknown' });
    }
    expect(await ledger.holds.show(payer, id)).toMatchObject({ status: 'open' });
    expect(await ledger.holds.show(customer(), id)).toEqual({ refused: 'hold_unknown' });
    expect(await capture(id, 1n, operator())).toMatchObject({ body: { amount: '1' } });
  });
});

test('a void could leave money held', async () => {
  const { payee, held, capture, money } = await pair();
  const id = await held(70n);
  const key = randomUUID();
  const first = await ledger.voiding.void(payee, key, id);
  expect(first).toMatchObject({ replayed: false, body: { status: 'voided', captured: '0' } });
  expect(await ledger.voiding.void(payee, key, id)).toEqual({ ...first, replayed: true });
  expect(await capture(id)).toEqual({ refused: 'hold_not_open' });
  expect(await money()).toEqual(['100 0 100', '0 0 0']);
});

describe('time', () => {
  test('could end a hold that nobody sweeps, or sweep one that has time left', async () => {
    const { payer, held, money } = await pair();
    const [old, young] = [await held(40n), await held(10n)];
    await late(old);
    await Promise.all([expireHolds(ledger.shard, ledger.poster), expireHolds(ledger.shard, ledger.poster)]);
    expect(await ledger.holds.show(payer, old)).toMatchObject({ status: 'expired' });
    expect(await ledger.holds.show(payer, young)).toMatchObject({ status: 'open' });
    expect(await money()).toEqual(['100 10 90', '0 0 0']);
    expect(await ledger.sql(`SELECT count(*) FROM outbox WHERE type = 'hold.expired' AND data->>'hold_id' = '${old}'`)).toBe('1');
  });

  test('could run the wrong way: no hold begins in the past, or lasts for ever', async () => {
    const { place } = await pair();
    for (const expires_at of ['2020-01-01T00:00:00Z', '2999-01-01T00:00:00Z']) expect(await place(1n, { expires_at })).toEqual({ refused: 'expires_at_out_of_range' });
  });

  test('could change the answer to a request that is repeated', async () => {
    const { payer, payee, place } = await pair();
    const key = randomUUID();
    const first = await place(10n, {}, key);
    const id = 'body' in first ? first.body.id : '';
    await ledger.voiding.void(payee, randomUUID(), id);
    expect(await place(10n, {}, key)).toEqual({ ...first, replayed: true });
    expect(await place(11n, {}, key)).toEqual({ refused: 'idempotency_key_reused' });
    expect(await ledger.holds.show(payer, id)).toMatchObject({ status: 'voided' });
  });
});

test('a hold could be placed on what is not there, not one\'s own, or in another currency', async () => {
  const { place, from } = await pair();
  expect(await place(0n)).toEqual({ refused: 'amount_not_positive' });
  expect(await place(1n, { currency: 'USD' })).toEqual({ refused: 'currency_differs' });
  expect(await place(1n, {}, randomUUID(), customer('thief'))).toEqual({ refused: 'account_unknown' });
  const payer = customer();
  expect(await ledger.placing.place(payer, randomUUID(), { debit_account: 'fees', credit_account: from, amount: 1n as never, currency: 'EUR' })).toEqual({ refused: 'account_unknown' });
  const own = await ledger.account(payer, 10n);
  expect(await ledger.placing.place(payer, randomUUID(), { debit_account: own, credit_account: own, amount: 1n as never, currency: 'EUR' })).toEqual({ refused: 'same_account' });
});
