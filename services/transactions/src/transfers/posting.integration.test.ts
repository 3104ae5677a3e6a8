import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newAccountId, newHoldId, newTransferId, type AccountId } from '../accounts/account-id.ts';
import { Shard, STATEMENT_TIMEOUT_MS, WRITE_QUERY_TIMEOUT_MS, WRITE_TIMEOUT_MS } from '../shards/shard.ts';
import { postBatch } from './posting.store.ts';
import type { HoldPosting, Posting, ReleasePosting } from './posting.ts';
import { between, BUCKET, TestLedger, transferOf } from './test-ledger.ts';

let ledger: TestLedger;

beforeAll(async () => { ledger = await TestLedger.start(); }, 120_000);
afterAll(() => ledger?.stop());

const post = (...postings: Posting[]) => postBatch(ledger.shard, postings);
const outcomes = (...postings: Posting[]) => ledger.outcomes(...postings);

/** People with money in EUR, each with an account, and the cash that it came from. */
async function people(amounts: Record<string, bigint>): Promise<{ cash: AccountId; of: Record<string, AccountId> }> {
  const cash = await ledger.openCash();
  const of: Record<string, AccountId> = {};
  for (const name of Object.keys(amounts)) of[name] = await ledger.openAccount(name);
  const deposits = Object.entries(amounts).filter(([, amountMinor]) => amountMinor > 0n);
  expect(await outcomes(...deposits.map(([name, amountMinor]) => between(cash, of[name]!, amountMinor)))).toEqual(deposits.map(() => 'posted'));
  return { cash, of };
}

function hold(debitAccount: AccountId, creditAccount: AccountId, amountMinor: bigint, more: Partial<HoldPosting> = {}): HoldPosting {
  return {
    operation: 'hold', holdId: newHoldId(BUCKET), debitAccount, creditAccount, amountMinor, currency: 'EUR', expiresAt: new Date(Date.now() + 3_600_000), scope: 'somebody', key: randomUUID(),
    bucket: BUCKET, requestHash: Buffer.alloc(32), owner: undefined, actor: 'somebody', traceparent: undefined, ...more,
  };
}

function after(placed: HoldPosting, operation: ReleasePosting['operation']): Posting;
function after(placed: HoldPosting, operation: 'capture', amountMinor?: bigint, inTransit?: AccountId): Posting;
function after(placed: HoldPosting, operation: 'capture' | ReleasePosting['operation'], amountMinor?: bigint, inTransit?: AccountId): Posting {
  const { holdId, debitAccount, creditAccount, scope, bucket, requestHash, actor } = placed;
  const common = { holdId, debitAccount, creditAccount, scope, key: randomUUID(), bucket, requestHash, owner: undefined, actor, traceparent: undefined };
  return operation === 'capture' ? { ...common, operation, transferId: newTransferId(BUCKET), amountMinor, inTransit } : { ...common, operation };
}

describe('two that want the last money', () => {
  test('at once: one has it, the other is refused', async () => {
    const { of: { alice, bob } } = await people({ alice: 100n, bob: 0n });
    const both = await Promise.all(Array.from({ length: 8 }, () => outcomes(between(alice!, bob!, 60n, { owner: 'alice' }))));
    expect(both.flat().sort()).toEqual([...Array<string>(7).fill('exceeds_balance'), 'posted']);
    expect([await ledger.balanceOf(alice!), await ledger.balanceOf(bob!)]).toEqual([40n, 60n]);
  });

  test('in one batch: in the order in which they came', async () => {
    const { of: { alice, bob } } = await people({ alice: 100n, bob: 0n });
    expect(await outcomes(between(alice!, bob!, 60n), between(alice!, bob!, 60n), between(bob!, alice!, 20n), between(alice!, bob!, 60n))).toEqual(['posted', 'exceeds_balance', 'posted', 'posted']);
    expect([await ledger.balanceOf(alice!), await ledger.balanceOf(bob!)]).toEqual([0n, 100n]);
  });

  test('crosswise in many batches: nobody deadlocks, and nothing is lost', async () => {
    const { of } = await people({ a: 1000n, b: 1000n, c: 1000n, d: 1000n, e: 1000n, f: 1000n });
    const accounts = Object.values(of);
    const batches = Array.from({ length: 40 }, (_, batch) => Array.from({ length: 10 }, (_, item) =>
      between(accounts[(batch + item) % 6]!, accounts[(batch * 5 + item * 3 + 1) % 6]!, BigInt(1 + item))));
    await Promise.all(batches.map((batch) => post(...batch)));
    expect(await ledger.faults()).toEqual([]);
  });

  test('captured, voided and captured again at once: the hold ends once', async () => {
    const { of: { alice, shop } } = await people({ alice: 100n, shop: 0n });
    const placed = hold(alice!, shop!, 80n);
    expect(await outcomes(placed)).toEqual(['posted']);
    const ends = await Promise.all([after(placed, 'capture', 50n), after(placed, 'void'), after(placed, 'capture'), after(placed, 'void')].map((one) => outcomes(one)));
    expect(ends.flat().sort()).toEqual(['hold_not_open', 'hold_not_open', 'hold_not_open', 'posted']);
    expect(await ledger.faults()).toEqual([]);
  });

  test('a reversal twice at once: the money goes back once', async () => {
    const { of: { alice, bob } } = await people({ alice: 100n, bob: 500n });
    const first = between(alice!, bob!, 100n);
    expect(await outcomes(first)).toEqual(['posted']);
    const back = () => between(bob!, alice!, 100n, { kind: 'reversal', reverses: first.transferId });
    const again = await Promise.all(Array.from({ length: 4 }, () => outcomes(back(), back())));
    expect(again.flat().sort()).toEqual([...Array<string>(7).fill('already_reversed'), 'posted']);
  });
});

describe('a key that comes again', () => {
  test('at once, from several replicas: the money moves once and all get the same answer', async () => {
    const { cash, of: { alice } } = await people({ alice: 0n });
    const key = randomUUID();
    const all = (await Promise.all(Array.from({ length: 6 }, () => post(between(cash, alice!, 100n, { key }))))).flat();
    expect(all.filter((posted) => !posted.replayed)).toHaveLength(1);
    expect(new Set(all.map((posted) => `${posted.outcome} ${posted.subjectId} ${posted.postedAt}`)).size).toBe(1);
    expect(await ledger.balanceOf(alice!)).toBe(100n);
  });

  test('with another body: refused, and the first answer stands', async () => {
    const { cash, of: { alice } } = await people({ alice: 0n });
    const key = randomUUID();
    expect(await outcomes(between(cash, alice!, 100n, { key }))).toEqual(['posted']);
    expect(await outcomes(between(cash, alice!, 101n, { key }))).toEqual(['idempotency_key_reused']);
    expect(await post(between(cash, alice!, 100n, { key }))).toMatchObject([{ outcome: 'posted', replayed: true }]);
    expect(await ledger.balanceOf(alice!)).toBe(100n);
  });

  test('after a refusal: refused again, even if there is money by now', async () => {
    const { cash, of: { alice, bob } } = await people({ alice: 0n, bob: 0n });
    const first = between(alice!, bob!, 50n, { owner: 'alice' });
    expect(await outcomes(first)).toEqual(['exceeds_balance']);
    expect(await outcomes(between(cash, alice!, 100n), { ...first, transferId: newTransferId(BUCKET) })).toEqual(['posted', 'exceeds_balance']);
  });

  test('of a hold, and of what became of it: the time of the answer is the time of the first', async () => {
    const { of: { alice, shop } } = await people({ alice: 100n, shop: 0n });
    const placed = hold(alice!, shop!, 80n);
    const [captured, voided] = [after(placed, 'capture', 30n), after(placed, 'void')];
    const first = [...await post(placed), ...await post(captured, voided)];
    expect(first.map((posted) => posted.outcome)).toEqual(['posted', 'posted', 'hold_not_open']);
    const again = [...await post(placed), ...await post(captured, voided)];
    expect(again.slice(0, 2)).toEqual(first.slice(0, 2).map((posted) => ({ ...posted, replayed: true })));
    expect(again[2]).toMatchObject({ outcome: 'hold_not_open', replayed: true });
  });
});

describe('money that is held', () => {
  test('cannot be spent, is taken in part, and the rest is free again', async () => {
    const { of: { alice, shop } } = await people({ alice: 100n, shop: 0n });
    const placed = hold(alice!, shop!, 80n);
    expect(await outcomes(placed, between(alice!, shop!, 21n), between(alice!, shop!, 20n))).toEqual(['posted', 'exceeds_balance', 'posted']);
    expect(await outcomes(after(placed, 'capture', 50n), between(alice!, shop!, 31n), between(alice!, shop!, 30n))).toEqual(['posted', 'exceeds_balance', 'posted']);
    expect(await ledger.findAccount(alice!)).toMatchObject({ balanceMinor: 0n, heldMinor: 0n });
    expect(await ledger.faults()).toEqual([]);
  });

  test('is released while the account is frozen, but not captured', async () => {
    const { of: { alice, shop } } = await people({ alice: 100n, shop: 0n });
    const placed = hold(alice!, shop!, 80n);
    await outcomes(placed);
    await ledger.database.query("UPDATE accounts SET status = 'frozen' WHERE id = $1", [alice]);
    expect(await outcomes(after(placed, 'capture'), after(placed, 'void'))).toEqual(['account_frozen', 'posted']);
  });

  test('for somebody on another shard leaves through the account in transit', async () => {
    const { of: { alice } } = await people({ alice: 100n });
    const inTransit = await ledger.openAccount('system:in-transit', { kind: 'system', overdraftLimitMinor: undefined });
    const elsewhere = newAccountId(900);
    const placed = hold(alice!, elsewhere, 80n, { creditElsewhere: true });
    const captured = after(placed, 'capture', 70n, inTransit);
    expect(await outcomes(placed)).toEqual(['posted']);
    const [answer] = await post(captured);
    expect(answer).toMatchObject({ outcome: 'posted' });
    expect(await ledger.database.query('SELECT legs, currency, state FROM outgoing_transfers WHERE transfer_id = $1', [answer!.subjectId]))
      .toEqual([{ legs: [{ account: elsewhere, amount: '70' }], currency: 'EUR', state: 'sent' }]);
    expect(await outcomes(transferOf([{ account: inTransit, amountMinor: -70n }, { account: alice!, amountMinor: 70n }],
      { kind: 'transit_return', reverses: answer!.subjectId as never, returnedFor: 'account_closed' }))).toEqual(['posted']);
    expect(await ledger.database.query('SELECT state, refusal FROM outgoing_transfers WHERE transfer_id = $1', [answer!.subjectId])).toEqual([{ state: 'returned', refusal: 'account_closed' }]);
    expect(await ledger.findAccount(alice!)).toMatchObject({ balanceMinor: 100n, heldMinor: 0n });
  });
});

describe('a bucket that has moved to another shard', () => {
  test('is refused with a code that no key keeps, whether the key or an account is of that bucket', async () => {
    const { cash, of: { alice } } = await people({ alice: 100n });
    const moved = between(cash, alice!, 1n, { bucket: 900 });
    const strayed = between(alice!, newAccountId(900), 1n);
    expect(await outcomes(moved, between(cash, alice!, 2n), strayed)).toEqual(['bucket_moved', 'posted', 'bucket_moved']);
    expect(await ledger.database.query('SELECT key FROM idempotency_keys WHERE key = ANY ($1)', [[moved.key, strayed.key]])).toEqual([]);
    expect(await outcomes({ ...moved, bucket: BUCKET })).toEqual(['posted']);
  });
});

describe('the books', () => {
  test('tell of every transfer in the outbox, in the same transaction, and of no refusal', async () => {
    const { cash, of: { alice } } = await people({ alice: 0n });
    await ledger.database.query('SELECT 1');
    const reference = 'say "hello" \\ {world}\n';
    const [told] = await post(between(cash, alice!, 5n, { reference, metadata: '{"a":"b"}' }), between(alice!, cash, 500n));
    const [event] = await ledger.database.query<{ data: object }>("SELECT data FROM outbox WHERE data ->> 'transfer_id' = $1", [told!.subjectId]);
    expect(event!.data).toEqual({
      transfer_id: told!.subjectId, kind: 'transfer', reference, external_reference: null, reverses: null, hold_id: null,
      entries: [
        { account_id: cash, currency: 'EUR', amount: '-5', balance: '-5', version: '1' },
        { account_id: alice, currency: 'EUR', amount: '5', balance: '5', version: '1' },
      ],
    });
    expect(await ledger.faults()).toEqual([]);
  });

  test.each(['transactions', 'setup', 'postgres'])('cannot be rewritten by the role %s', async (role) => {
    for (const table of ['transfers', 'entries']) {
      for (const statement of [`UPDATE ${table} SET created_at = now()`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`]) {
        await expect(ledger.postgres.sql(role, statement, 'ledger')).rejects.toThrow(/append-only|permission denied/);
      }
    }
  });

  test("cannot be rewritten by the service's role even without the triggers", async () => {
    const [rights] = await ledger.database.query<{ any: boolean }>(
      `SELECT bool_or(has_table_privilege('transactions', name, kind) OR (kind = 'UPDATE' AND has_any_column_privilege('transactions', name, kind))) AS any
         FROM unnest(ARRAY['transfers', 'entries']) AS name, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS kind`);
    expect(rights).toEqual({ any: false });
  });

  test('refuse an overdraft even from one who writes balances by hand', async () => {
    const { of: { alice } } = await people({ alice: 10n });
    for (const change of ['balance_minor = -1', 'held_minor = 11', 'held_minor = -1']) {
      await expect(ledger.database.query(`UPDATE accounts SET ${change} WHERE id = $1`, [alice])).rejects.toThrow(/balance_within_policy|held_minor_check/);
    }
  });

  test('refuse entries that do not balance, and a change of what an account is for life', async () => {
    const { of: { alice } } = await people({ alice: 10n });
    await expect(ledger.database.query("INSERT INTO entries VALUES ($1, 2, gen_random_uuid(), 'EUR', 5, 15, now())", [alice])).rejects.toThrow('do not sum to zero');
    for (const change of ["owner = 'mallory'", "currency = 'USD'", "kind = 'system'", "normal_side = 'debit'"]) {
      await expect(ledger.database.query(`UPDATE accounts SET ${change} WHERE id = $1`, [alice])).rejects.toThrow('permission denied');
    }
  });
});

test('without its synchronous replica the ledger answers 503 in time, and the same key tells the truth afterwards', async () => {
  const { postgres, shard } = ledger;
  const { cash, of: { alice } } = await people({ alice: 0n });
  const { cash: otherCash, of: { bob } } = await people({ bob: 0n });
  const open = (more: { queryTimeoutMs?: number } = {}) =>
    postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 4, statementTimeoutMs: STATEMENT_TIMEOUT_MS, ...more });
  const asInProduction = new Shard({ number: 0, writes: open({ queryTimeoutMs: WRITE_QUERY_TIMEOUT_MS }), reads: open(), answerTimeoutMs: WRITE_TIMEOUT_MS });
  const backendsInWait = () => postgres.sql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'transactions'");
  const item = between(cash, alice!, 100n);
  await postgres.sql('postgres', "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  await postgres.sql('postgres', 'SELECT pg_reload_conf()');
  try {
    const began = Date.now();
    await expect(postBatch(asInProduction, [item])).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(Date.now() - began).toBeLessThan(WRITE_TIMEOUT_MS + 1_000);
    // By now a connection with too short a time-out would have been given up, and the stall forgotten.
    expect(await backendsInWait()).toBe('1');
    expect(asInProduction.isStalled()).toBe(true);
    const findsOut = expect(postBatch(asInProduction, [between(otherCash, bob!, 1n)])).rejects.toMatchObject({ status: 503 });
    const refusedFrom = Date.now();
    await expect(postBatch(asInProduction, [between(cash, alice!, 1n)])).rejects.toMatchObject({ status: 503 });
    expect(Date.now() - refusedFrom).toBeLessThan(100);
    await findsOut;
    expect(await backendsInWait()).toBe('2');
    expect(asInProduction.isStalled()).toBe(true);
    expect(await ledger.balanceOf(alice!)).toBe(0n);
  } finally {
    await postgres.sql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
    await postgres.sql('postgres', 'SELECT pg_reload_conf()');
  }
  expect(await postBatch(shard, [{ ...item, transferId: newTransferId(BUCKET) }])).toMatchObject([{ outcome: 'posted', replayed: true, subjectId: item.transferId }]);
  expect(await ledger.balanceOf(alice!)).toBe(100n);
  expect(await postBatch(asInProduction, [between(cash, alice!, 1n)])).toMatchObject([{ outcome: 'posted' }]);
  expect(asInProduction.isStalled()).toBe(false);
}, 30_000);
