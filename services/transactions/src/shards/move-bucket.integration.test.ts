import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CallerOf } from '@holdfast/kit/authentication';
import { unavailable } from '@holdfast/kit/problem';
import { randomUUID } from 'node:crypto';
import { bucketOfSubject } from '../accounts/account-id.ts';
import { SystemAccounts } from '../accounts/system-accounts.ts';
import { customer, operator } from '../testing/throwaway-ledger.ts';
import { answer } from '../transfers/refusals.ts';
import { MortalReplica, TwoShards } from '../transit/two-shards.ts';
import { verifyLedger } from '../verify/verify-ledger.ts';
import { BucketMover, NotMoved } from './move-bucket.ts';
import { Shard } from './shard.ts';

let shards: TwoShards;
let replica: MortalReplica;
let alice: CallerOf;
let bucket: number;
let account: string;

beforeAll(async () => { shards = await TwoShards.start(); }, 120_000);

afterAll(() => shards?.stop());

/** Alice, whose bucket moves, with 1,000 on the first shard. */
beforeEach(async () => {
  replica = await newReplica();
  do alice = customer(); while (replica.ledger.homeOf(alice.subject).number !== 0);
  bucket = bucketOfSubject(alice.subject);
  account = await accountOf(alice, 1_000n);
});

async function newReplica(): Promise<MortalReplica> {
  const made = new MortalReplica(shards);
  await made.ready();
  return made;
}

/** As a request would be handled: repeated while what it is about is moving. */
const handled = <T>(work: () => Promise<T>, by = replica) => by.ledger.whereverItIs(async () => answer(await work()));

async function accountOf(owner: CallerOf, amountMinor = 0n): Promise<string> {
  const { body } = await handled(() => replica.services().accounts.open(owner, undefined, { currency: 'EUR' }));
  if (amountMinor > 0n) await handled(() => replica.services().cash.book('deposit', operator(), randomUUID(), body.id, { amount: amountMinor as never }));
  return body.id;
}

const pay = (from: CallerOf, debit: string, credit: string, amountMinor: bigint, key: string = randomUUID(), by = replica) =>
  handled(() => by.services().transfers.post(from, key, { debit_account: debit, credit_account: credit, amount: amountMinor as never, currency: 'EUR' }), by);

async function balanceOf(owner: CallerOf, id: string): Promise<bigint> {
  return BigInt((await handled(() => replica.services().accounts.show(owner, id))).balance);
}

/** A mover that can die at any of its writes, as a replica can. */
function mover(crash?: { write: number; when: 'before' | 'after' }): BucketMover {
  let writes = 0;
  let isDead = false;
  const reach = async <T>(query: () => Promise<T>): Promise<T> => {
    if (isDead) throw unavailable('dead', 'dead');
    const rows = await query();
    if (isDead as boolean) throw unavailable('dead', 'dead');
    return rows;
  };
  return new BucketMover(shards.databases.map((database, number) => new Shard({
    number, answerTimeoutMs: 10_000,
    reads: { query: (sql, values, name) => reach(() => database.query(sql, values, name)) },
    writes: {
      query: async (sql, values, name) => {
        writes += 1;
        const isLast = writes === crash?.write;
        if (isLast && crash?.when === 'before') isDead = true;
        const rows = await reach(() => database.query<never>(sql, values, name));
        if (!isLast) return rows;
        isDead = true;
        throw unavailable('dead', 'dead');
      },
    },
  })), new SystemAccounts());
}

async function expectWholeLedger(): Promise<void> {
  let inTransit = 0n;
  for (const database of shards.databases) {
    expect(await database.query('SELECT coalesce(sum(balance_minor), 0)::text AS sum FROM accounts')).toEqual([{ sum: '0' }]);
    const [row] = await database.query<{ sum: string }>("SELECT coalesce(sum(balance_minor), 0)::text AS sum FROM accounts WHERE owner = 'system:in-transit'");
    inTransit += BigInt(row!.sum);
  }
  expect(inTransit).toBe(0n);
  const verified = await verifyLedger(shards.databases.map((database, number) => ({ number, query: (sql, values, name) => database.query(sql, values, name) })), { rest: 0, patienceMs: [0] });
  expect(verified.checks.flatMap(({ check, shard, findings, trouble }) => [...findings, ...(trouble === null ? [] : [trouble])].map((found) => `${check} ${shard}: ${found}`))).toEqual([]);
}

describe('a bucket that has moved', () => {
  test('has its accounts, entries, keys and holds as before, and goes on', async () => {
    do { /* Bob stays on the shard that Alice leaves. */ } while (replica.ledger.homeOf((bob = customer()).subject).number !== 0 || bucketOfSubject(bob.subject) === bucket);
    const bobs = await accountOf(bob);
    const empty = await accountOf(alice);
    const key = randomUUID();
    const paid = await pay(alice, account, bobs, 100n, key);
    const hold = await handled(() => replica.services().placing.place(alice, randomUUID(), { debit_account: account, credit_account: bobs, amount: 50n as never, currency: 'EUR' }));
    const before = await handled(() => replica.services().history.entries(alice, account, { limit: 50 }));
    const instant = new Date().toISOString();

    const stale = await newReplica();
    const moved = await mover().move(bucket, 1);
    expect(moved).toMatchObject({ bucket, from: 0, to: 1, accounts: 2 });
    expect(moved.pause_ms).toBeLessThan(1_000);
    await replica.ledger.refresh();
    expect(replica.ledger.homeOf(alice.subject).number).toBe(1);

    expect(await balanceOf(alice, account)).toBe(900n);
    expect(await balanceOf(alice, empty)).toBe(0n);
    expect(await handled(() => replica.services().shown.show(alice, paid.body.id))).toEqual(paid.body);
    expect(await pay(alice, account, bobs, 100n, key)).toEqual({ ...paid, replayed: true });
    // One that has not heard: the database tells it.
    expect((await pay(alice, account, bobs, 100n, randomUUID(), stale)).body.status).toBe('posted');
    expect(stale.ledger.homeOf(alice.subject).number).toBe(1);
    expect((await handled(() => replica.services().capturing.capture(bob, randomUUID(), hold.body.id, {}))).body.status).toBe('posted');
    expect([await balanceOf(alice, account), await balanceOf(bob, bobs)]).toEqual([750n, 250n]);

    const { entries } = await handled(() => replica.services().history.entries(alice, account, { limit: 50 }));
    expect(entries.map(({ number }) => number)).toEqual(Array.from({ length: entries.length }, (_, n) => String(entries.length - n)));
    expect(entries.slice(-before.entries.length)).toEqual(before.entries);
    expect((await handled(() => replica.services().history.balance(alice, account, { as_of: instant as never }))).balance).toBe('900');
    await expectWholeLedger();
  }, 60_000);

  test('comes back, with new entries after the old ones', async () => {
    for (const to of [1, 0, 1, 0]) {
      await mover().move(bucket, to);
      await replica.ledger.refresh();
      expect(replica.ledger.homeOf(alice.subject).number).toBe(to);
      const other = await accountOf(alice);
      await pay(alice, account, other, 10n);
    }
    expect(await balanceOf(alice, account)).toBe(960n);
    const { entries } = await handled(() => replica.services().history.entries(alice, account, { limit: 50 }));
    expect(entries.map(({ number }) => Number(number))).toEqual(Array.from({ length: 13 }, (_, n) => 13 - n));
    await expectWholeLedger();
  }, 60_000);

  test('goes on counting the changes of its accounts, so that the later of two is known', async () => {
    const change = (to: 'freeze' | 'unfreeze') => handled(() => replica.services().changes.change(operator(), account, to).then((changed) => ('refused' in changed ? changed : { body: changed, replayed: false })));
    await change('freeze');
    await mover().move(bucket, 1);
    await change('unfreeze');
    const told = await Promise.all(shards.databases.map((database) => database.query<{ data: object }>(`SELECT data FROM outbox WHERE type = 'account.changed' AND data->>'account_id' = $1`, [account])));
    expect(told.map((rows) => rows.map(({ data }) => data))).toMatchObject([[{ status: 'frozen', version: '1' }], [{ status: 'open', version: '2' }]]);
  }, 60_000);

  test('is not moved again for nothing, nor to a shard that is not there', async () => {
    expect(await mover().move(bucket, 0)).toEqual({ bucket, from: 0, to: 0, accounts: 0, pause_ms: 0 });
    await expect(mover().move(bucket, 2)).rejects.toThrow('there is no shard 2');
  });
});

let bob: CallerOf;

/** On a busy machine a move may give up in time and leave the bucket where it is; then it is asked for again, as an operator would. */
async function moved(to: number): Promise<number | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await mover().move(bucket, to)).pause_ms;
    } catch (cause) {
      if (!(cause instanceof NotMoved) || attempt === 10) throw cause;
    }
  }
}

test('clients of three replicas pay to, from and within a bucket while it moves to and fro: none is refused, and nothing is lost', async () => {
  const replicas = await Promise.all([newReplica(), newReplica(), newReplica()]);
  const [near, far] = [customerOn(0), customerOn(1)];
  const [mine, nears, fars] = [await accountOf(alice, 1_000n), await accountOf(near, 1_000n), await accountOf(far, 1_000n)];
  const ways = [[alice, account, nears], [alice, account, fars], [near, nears, account], [far, fars, account], [alice, account, mine], [alice, mine, account]] as const;
  let isOver = false;
  let payments = 0;
  const clients = Promise.all(ways.flatMap((way) => replicas.map(async (by) => {
    const [payer, debit, credit] = way;
    while (!isOver) {
      const { body } = await pay(payer, debit, credit, 1n, randomUUID(), by);
      expect(['posted', 'pending']).toContain(body.status);
      payments += 1;
    }
  })));
  try {
    for (const to of [1, 0, 1]) expect(await moved(to)).toBeLessThan(1_000);
  } finally {
    isOver = true;
    await clients;
  }
  await replica.resumeAll();
  await replica.ledger.refresh();
  const balances = await Promise.all([balanceOf(alice, account), balanceOf(alice, mine), balanceOf(near, nears), balanceOf(far, fars)]);
  expect(balances.reduce((sum, each) => sum + each, 0n)).toBe(4_000n);
  expect(payments).toBeGreaterThan(50);
  await expectWholeLedger();
}, 120_000);

function customerOn(shard: number): CallerOf {
  for (;;) {
    const person = customer();
    if (replica.ledger.homeOf(person.subject).number === shard && bucketOfSubject(person.subject) !== bucket) return person;
  }
}

test.each(['before', 'after'] as const)('a mover that dies %s any of its writes: another one finishes, and nothing is there twice or not at all', async (when) => {
  for (let write = 1; ; write++) {
    expect(write).toBeLessThan(20);
    await handled(() => replica.services().placing.place(alice, randomUUID(), { debit_account: account, credit_account: account.slice(0, -4) + '0000', amount: 1n as never, currency: 'EUR' })).catch(() => undefined);
    const from = replica.ledger.homeOf(alice.subject).number;
    const key = randomUUID();
    const other = await accountOf(alice);
    const paid = await pay(alice, account, other, 1n, key);
    const balance = await balanceOf(alice, account);
    const died = await mover({ write, when }).move(bucket, 1 - from).then(() => false, () => true);
    await mover().move(bucket, 1 - from);
    await replica.ledger.refresh();
    expect(replica.ledger.homeOf(alice.subject).number).toBe(1 - from);
    expect(await balanceOf(alice, account)).toBe(balance);
    expect(await pay(alice, account, other, 1n, key)).toEqual({ ...paid, replayed: true });
    await expectWholeLedger();
    if (!died) return;
  }
}, 180_000);

describe('what was transferred before a move', () => {
  const reverse = (by: CallerOf, id: string, key: string = randomUUID()) => replica.services().reversals.reverse(by, key, id, {});

  test('is taken back to a payer who lives on another shard by now, once, and the same key tells so', async () => {
    const payee = customerOn(0);
    const theirs = await accountOf(payee);
    const paid = await pay(alice, account, theirs, 100n);
    const far = customerOn(1);
    const [fars, across] = [await accountOf(far), await accountOf(far)];
    const sent = await pay(alice, account, fars, 50n);
    await moved(1);
    await replica.ledger.refresh();

    const key = randomUUID();
    const first = await handled(() => reverse(payee, paid.body.id, key));
    expect(first).toMatchObject({ replayed: false, body: { kind: 'reversal', status: 'posted', reverses: paid.body.id, debit_account: theirs, credit_account: account } });
    expect(await handled(() => reverse(payee, paid.body.id, key))).toMatchObject({ replayed: true, body: { id: first.body.id } });
    expect(await reverse(operator(), paid.body.id)).toEqual({ refused: 'already_reversed' });
    expect(await handled(() => replica.services().shown.show(alice, paid.body.id))).toMatchObject({ reversed_by: first.body.id });
    // And what came to the shard where its payer is now.
    expect(await handled(() => reverse(far, sent.body.id))).toMatchObject({ body: { status: 'posted' } });
    expect(await reverse(far, sent.body.id)).toEqual({ refused: 'already_reversed' });
    expect([await balanceOf(alice, account), await balanceOf(payee, theirs), await balanceOf(far, fars), await balanceOf(far, across)]).toEqual([1_000n, 0n, 0n, 0n]);
    await replica.transit.allMarked();
    await expectWholeLedger();
  }, 60_000);

  test('is not taken back where it is not written down: from a payee who has moved himself', async () => {
    const payer = customerOn(0);
    const theirs = await accountOf(payer, 100n);
    const paid = await pay(payer, theirs, account, 100n);
    await moved(1);
    await replica.ledger.refresh();
    expect(await reverse(alice, paid.body.id)).toEqual({ refused: 'transfer_not_reversible' });
    await moved(0);
    await replica.ledger.refresh();
    expect(await handled(() => reverse(alice, paid.body.id))).toMatchObject({ body: { status: 'posted' } });
    expect([await balanceOf(payer, theirs), await balanceOf(alice, account)]).toEqual([100n, 1_000n]);
    await expectWholeLedger();
  }, 60_000);

  test('is taken back once, though some of those who try have not heard of the move', async () => {
    const payee = customerOn(0);
    const theirs = await accountOf(payee);
    const paid = await pay(alice, account, theirs, 100n);
    const stale = await newReplica();
    await moved(1);
    await replica.ledger.refresh();
    const told = await Promise.all([replica, stale, replica, stale].map((by) => handled(() => by.services().reversals.reverse(operator(), randomUUID(), paid.body.id, {}), by).then(() => 'posted', (cause: { code: string }) => cause.code)));
    expect(told.sort()).toEqual(['already_reversed', 'already_reversed', 'already_reversed', 'posted']);
    await Promise.all([replica.transit.allMarked(), stale.transit.allMarked()]);
    expect([await balanceOf(alice, account), await balanceOf(payee, theirs)]).toEqual([1_000n, 0n]);
    await expectWholeLedger();
  }, 60_000);
});
