import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CallerOf } from '@holdfast/kit/authentication';
import { randomUUID } from 'node:crypto';
import { bucketOfSubject, type AccountId } from '../accounts/account-id.ts';
import { customer, operator } from '../testing/throwaway-ledger.ts';
import type { Transfer } from '../transfers/transfer.schema.ts';
import { MortalReplica, TwoShards } from './two-shards.ts';

let shards: TwoShards;
let replica: MortalReplica;
let alice: CallerOf;
let bob: CallerOf;
let from: string;
let to: string;

beforeAll(async () => { shards = await TwoShards.start(); }, 120_000);

afterAll(() => shards?.stop());

/** Alice with 100 on the first shard, Bob with nothing on the second. */
beforeEach(async () => {
  replica = new MortalReplica(shards);
  await replica.ready();
  [alice, bob] = [personOn(0), personOn(1)];
  [from, to] = [await accountOf(alice), await accountOf(bob)];
  await service().cash.book('deposit', operator(), randomUUID(), from, { amount: 100n as never });
});

function personOn(shard: number): CallerOf {
  for (;;) {
    const person = customer();
    if (Math.floor(bucketOfSubject(person.subject) / 512) === shard) return person;
  }
}

const service = () => replica.services();

async function accountOf(person: CallerOf): Promise<string> {
  const opened = await service().accounts.open(person, undefined, { currency: 'EUR' });
  if (!('body' in opened)) throw new Error(opened.refused);
  return opened.body.id;
}

async function balances(): Promise<[string, string]> {
  const [payer, payee] = await Promise.all([service().accounts.show(alice, from), service().accounts.show(bob, to)]);
  if ('refused' in payer || 'refused' in payee) throw new Error('an account is not shown');
  return [payer.balance, payee.balance];
}

const pay = (amountMinor: bigint, key = randomUUID()) => service().transfers.post(alice, key, {
  debit_account: from, credit_account: to, amount: amountMinor as never, currency: 'EUR', reference: 'rent',
});

/** The body of what was accepted. */
async function accepted<T>(outcome: Promise<{ body: T } | { refused: string }>): Promise<T> {
  const told = await outcome;
  if (!('body' in told)) throw new Error(`refused: ${told.refused}`);
  return told.body;
}

describe('a payment to somebody on another shard', () => {
  test('is posted, and both see the same transfer', async () => {
    const key = randomUUID();
    const posted = await accepted(pay(60n, key));
    expect(posted).toMatchObject({ status: 'posted', debit_account: from, credit_account: to, amount: '60' });
    expect(await balances()).toEqual(['40', '60']);
    for (const person of [alice, bob]) expect(await service().shown.show(person, posted.id)).toEqual(posted);
    expect(await service().shown.show(customer(), posted.id)).toMatchObject({ refused: 'transfer_unknown' });
    expect(await pay(60n, key)).toEqual({ replayed: true, body: posted });
    expect(await pay(61n, key)).toMatchObject({ refused: 'idempotency_key_reused' });
    expect(await balances()).toEqual(['40', '60']);
  });

  test('is posted as soon as the money is there: whoever looks before that is marked sees it, and it can be taken back', async () => {
    replica.holdMarks();
    const posted = await accepted(pay(60n));
    expect(posted.status).toBe('posted');
    expect(await shards.databases[0]!.query('SELECT state FROM outgoing_transfers WHERE transfer_id = $1', [posted.id])).toEqual([{ state: 'sent' }]);
    for (const person of [alice, bob]) expect(await service().shown.show(person, posted.id)).toMatchObject({ status: 'posted' });
    expect(await accepted<Transfer>(service().reversals.reverse(bob, randomUUID(), posted.id, {}))).toMatchObject({ status: 'posted' });
    expect(await balances()).toEqual(['100', '0']);
    // As after a crash: another replica finds the row, and that there is nothing left to do but this.
    const second = new MortalReplica(shards);
    await second.ready();
    await second.resumeAll();
    expect(await shards.databases[0]!.query("SELECT count(*)::int AS n FROM outgoing_transfers WHERE state = 'sent'")).toEqual([{ n: 0 }]);
    expect(await balances()).toEqual(['100', '0']);
  });

  test('leaves an account that can be closed, though the mark comes a moment later', async () => {
    await accepted(pay(100n));
    expect(await service().changes.change(alice, from, 'close')).toMatchObject({ status: 'closed' });
  });

  test('is refused as one at home would be, and the money is there again', async () => {
    expect(await pay(101n)).toMatchObject({ refused: 'exceeds_balance' });
    await service().changes.change(operator(), to, 'freeze');
    const key = randomUUID();
    expect(await pay(60n, key)).toEqual({ refused: 'account_frozen' });
    await service().changes.change(operator(), to, 'unfreeze');
    expect(await pay(60n, key)).toEqual({ refused: 'account_frozen' });
    expect(await balances()).toEqual(['100', '0']);
  });

  test('does not reach the accounts of the platform there, whoever has learnt their ids', async () => {
    const cash = await replica.systemAccounts.of(replica.ledger.shards[1]!, 'cash-in', 'EUR', 700);
    expect(await service().transfers.post(alice, randomUUID(), { debit_account: from, credit_account: cash, amount: 1n as never, currency: 'EUR' }))
      .toEqual({ refused: 'account_unknown' });
    expect((await balances())[0]).toBe('100');
  });

  test('is pending while that shard is away, and keeps its payer\'s account from being closed', async () => {
    await accepted(pay(1n));
    replica.away.add(1);
    const key = randomUUID();
    const pending = await accepted(pay(99n, key));
    expect(pending.status).toBe('pending');
    expect(await service().shown.show(alice, pending.id)).toMatchObject({ status: 'pending' });
    expect(await service().changes.change(alice, from, 'close')).toEqual({ refused: 'account_not_empty' });
    expect(await service().reversals.reverse(operator(), randomUUID(), pending.id, {})).toEqual({ refused: 'transfer_pending' });
    replica.away.clear();
    await replica.resumeAll();
    expect(await service().shown.show(alice, pending.id)).toMatchObject({ status: 'posted' });
    expect(await pay(99n, key)).toMatchObject({ replayed: true, body: { id: pending.id, status: 'posted' } });
    expect(await balances()).toEqual(['0', '100']);
    expect(await service().changes.change(alice, from, 'close')).toMatchObject({ status: 'closed' });
  });

  test('comes in a batch beside others: each with its own outcome', async () => {
    const [frozen, mine] = [await accountOf(bob), await accountOf(alice)];
    await service().changes.change(operator(), frozen, 'freeze');
    const item = (credit: string, amount: string) => ({ idempotency_key: randomUUID(), debit_account: from, credit_account: credit, amount, currency: 'EUR' });
    const answer = await service().batches.post(alice, { items: [item(to, '10'), item(frozen, '10'), item(mine, '10'), item(to, '1000')] });
    expect('items' in answer && answer.items.map(({ status, code }) => [status, code])).toEqual([[201, null], [409, 'account_frozen'], [201, null], [422, 'exceeds_balance']]);
    expect(await balances()).toEqual(['80', '10']);
  });

  test('shows in no customer\'s account twice: all of the money is somebody\'s', async () => {
    await accepted(pay(60n));
    for (const database of shards.databases) {
      expect(await database.query('SELECT coalesce(sum(balance_minor), 0)::text AS sum FROM accounts')).toEqual([{ sum: '0' }]);
    }
  });
});

describe('legs', () => {
  const legs = (...wanted: [string, 'debit' | 'credit', bigint][]) => service().transfers.post(operator(), randomUUID(), {
    legs: wanted.map(([account, side, amount]) => ({ account, side, amount: amount as never })), currency: 'EUR',
  });

  test('with credits on both shards are refused: what is credited here could be spent before the other shard refuses', async () => {
    const mine = await accountOf(alice);
    expect(await legs([from, 'debit', 10n], [to, 'credit', 5n], [mine, 'credit', 5n])).toEqual({ refused: 'too_many_shards' });
  });

  test('of several accounts there, and of fees, arrive together or not at all', async () => {
    const other = await accountOf(bob);
    expect(await accepted(legs([from, 'debit', 10n], [to, 'credit', 7n], [other, 'credit', 2n], ['fees', 'credit', 1n]))).toMatchObject({ status: 'posted' });
    expect(await balances()).toEqual(['90', '7']);
    await service().changes.change(operator(), other, 'freeze');
    expect(await legs([from, 'debit', 10n], [to, 'credit', 7n], [other, 'credit', 2n], ['fees', 'credit', 1n])).toEqual({ refused: 'account_frozen' });
    expect(await balances()).toEqual(['90', '7']);
  });
});

describe('taking back what went to another shard', () => {
  test('brings it back, once, and is told of at the transfer', async () => {
    const posted = await accepted(pay(60n));
    expect(await service().reversals.reverse(alice, randomUUID(), posted.id, {})).toMatchObject({ refused: 'transfer_not_reversible' });
    const key = randomUUID();
    const reversal = await accepted<Transfer>(service().reversals.reverse(bob, key, posted.id, {}));
    expect(reversal).toMatchObject({ kind: 'reversal', status: 'posted', reverses: posted.id, debit_account: to, credit_account: from, amount: '60' });
    expect(await balances()).toEqual(['100', '0']);
    expect(await service().reversals.reverse(bob, key, posted.id, {})).toMatchObject({ replayed: true, body: { id: reversal.id } });
    expect(await service().reversals.reverse(operator(), randomUUID(), posted.id, {})).toEqual({ refused: 'already_reversed' });
    expect(await service().reversals.reverse(operator(), randomUUID(), reversal.id, {})).toEqual({ refused: 'reversal_of_reversal' });
    expect(await service().shown.show(alice, posted.id)).toMatchObject({ reversed_by: reversal.id });
    expect(await balances()).toEqual(['100', '0']);
  });

  test('is not refused for want of a shard that would know who may', async () => {
    const posted = await accepted(pay(60n));
    await replica.transit.allMarked();
    const key = randomUUID();
    replica.away.add(1);
    for (const person of [bob, customer()]) await expect(service().shown.show(person, posted.id)).rejects.toMatchObject({ status: 503 });
    await expect(service().reversals.reverse(bob, key, posted.id, {})).rejects.toMatchObject({ status: 503 });
    expect(await service().shown.show(alice, posted.id)).toMatchObject({ status: 'posted' });
    replica.away.clear();
    expect(await accepted<Transfer>(service().reversals.reverse(bob, key, posted.id, {}))).toMatchObject({ status: 'posted' });
  });

  test('is refused if the money is spent, and if it never arrived', async () => {
    const posted = await accepted(pay(60n));
    const third = await accountOf(personOn(1));
    await accepted(service().transfers.post(bob, randomUUID(), { debit_account: to, credit_account: third, amount: 60n as never, currency: 'EUR' }));
    expect(await service().reversals.reverse(bob, randomUUID(), posted.id, {})).toEqual({ refused: 'exceeds_balance' });
    await service().changes.change(operator(), to, 'freeze');
    expect(await pay(40n)).toEqual({ refused: 'account_frozen' });
    const [returned] = await shards.databases[0]!.query<{ id: string }>(
      "SELECT o.transfer_id AS id FROM outgoing_transfers o JOIN entries e USING (transfer_id) WHERE e.account_id = $1 AND o.state = 'returned'", [from]);
    expect(await service().shown.show(alice, returned!.id)).toMatchObject({ status: 'returned', refusal: 'account_frozen' });
    expect(await service().reversals.reverse(operator(), randomUUID(), returned!.id, {})).toEqual({ refused: 'transfer_not_reversible' });
  });
});

describe('a hold for somebody on another shard', () => {
  test('is captured in part there, and the rest is free again', async () => {
    const hold = await accepted(service().placing.place(alice, randomUUID(), { debit_account: from, credit_account: to, amount: 80n as never, currency: 'EUR' }));
    expect(await service().capturing.capture(alice, randomUUID(), hold.id, {})).toMatchObject({ refused: 'hold_unknown' });
    const key = randomUUID();
    const captured = await accepted(service().capturing.capture(bob, key, hold.id, { amount: 50n as never }));
    expect(captured).toMatchObject({ kind: 'capture', status: 'posted', amount: '50' });
    expect(await service().capturing.capture(bob, key, hold.id, { amount: 50n as never })).toMatchObject({ replayed: true, body: { id: captured.id } });
    expect(await balances()).toEqual(['50', '50']);
  });

  test('is let go of by its payee', async () => {
    const hold = await accepted(service().placing.place(alice, randomUUID(), { debit_account: from, credit_account: to, amount: 80n as never, currency: 'EUR' }));
    expect(await accepted(service().voiding.void(bob, randomUUID(), hold.id))).toMatchObject({ status: 'voided' });
    expect(await accepted(pay(100n))).toMatchObject({ status: 'posted' });
  });

  test('is refused for an account that is not there', async () => {
    const nobody = `${to.slice(0, -4)}0000` as AccountId;
    expect(await service().placing.place(alice, randomUUID(), { debit_account: from, credit_account: nobody, amount: 80n as never, currency: 'EUR' })).toEqual({ refused: 'account_unknown' });
  });
});
