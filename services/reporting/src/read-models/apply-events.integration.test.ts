import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import type { Database } from '@holdfast/kit/postgres';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { readAccountHead, readBalances, readLines, readOwnerVersion } from '../reports/reports.store.ts';
import { applyEvents } from './apply-events.ts';

let postgres: ThrowawayPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({
    database: 'reporting', role: 'reporting', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)),
  });
  database = postgres.database({ database: 'reporting', user: 'reporting' });
}, 120_000);

afterAll(() => postgres?.stop());

let shards = 0;

interface Side { account: string; amount: number; balance: number; version: number }

/** A shard of its own for each test, with two accounts open. */
async function stream() {
  const shard = shards++;
  const [owner, alice, bob] = [randomUUID(), randomUUID(), randomUUID()];
  const event = (sequence: number, type: string, data: Record<string, unknown>, { epoch = 1, from = shard } = {}): ReceivedEvent => ({
    topic: 'ledger.events', partition: from, offset: String(sequence), text: '',
    event: { id: randomUUID(), type, version: 1, epoch, shard: from, sequence: String(sequence), occurred_at: `2026-01-01T00:00:${String(sequence).padStart(2, '0')}.000000Z`, traceparent: null, actor: 'test', data },
  });
  const opened = (sequence: number, account: string, place?: { from: number }) =>
    event(sequence, 'account.opened', { account_id: account, owner, currency: 'EUR', kind: 'customer', overdraft_limit: '0' }, place);
  const transfer = (sequence: number, sides: readonly Side[], place?: { epoch?: number; from?: number }) => event(sequence, 'transfer.posted', {
    transfer_id: randomUUID(), kind: 'transfer', reference: null, external_reference: null, reverses: null, hold_id: null,
    entries: sides.map(({ account, amount, balance, version }) => ({ account_id: account, amount: String(amount), currency: 'EUR', balance: String(balance), version: String(version) })),
  }, place);
  // Transfer n is event n + 2 and entry n of both accounts.
  const posted = (sequence: number, amount: number, debitBalance: number, creditBalance: number, epoch = 1) => transfer(sequence, [
    { account: alice, amount: -amount, balance: debitBalance, version: sequence - 2 }, { account: bob, amount, balance: creditBalance, version: sequence - 2 },
  ], { epoch });
  const hold = (sequence: number, type: string, amount: number, place?: { from: number }) => event(sequence, type, {
    hold_id: randomUUID(), debit_account: alice, credit_account: bob, amount: String(amount), currency: 'EUR', ...(type === 'hold.captured' && { captured: '1' }),
  }, place);
  await applyEvents(database, [opened(1, alice), opened(2, bob)]);
  const rows = async () => Object.fromEntries((await readBalances(database, owner)).map((row) => [row.account_id === alice ? 'alice' : 'bob', row]));
  const balances = async () => Object.fromEntries(Object.entries(await rows()).map(([name, row]) => [name, row.balance_minor]));
  const lines = (account: string, limit = 100) => readLines(database, account, { from: undefined, to: undefined, before: undefined, limit });
  return { owner, alice, bob, event, opened, transfer, posted, hold, rows, balances, lines };
}

test('an event that comes twice counts once, alone or in the middle of new ones', async () => {
  const { alice, posted, balances, lines } = await stream();
  const [third, fourth, fifth] = [posted(3, 10, -10, 10), posted(4, 5, -15, 15), posted(5, 1, -16, 16)];
  await applyEvents(database, [third]);
  await applyEvents(database, [third, fourth]);
  await applyEvents(database, [third, fourth, fourth, fifth]);
  expect(await balances()).toEqual({ alice: -16n, bob: 16n });
  expect((await lines(alice)).map((line) => [line.entry_version, line.amount_minor, line.balance_after_minor])).toEqual([[3n, -1n, -16n], [2n, -5n, -15n], [1n, -10n, -10n]]);
});

test('two replicas that were given the same events at once apply them once', async () => {
  const { posted, balances, alice, lines } = await stream();
  const events = [posted(3, 10, -10, 10), posted(4, 5, -15, 15)];
  await Promise.all([applyEvents(database, events), applyEvents(database, events), applyEvents(database, events)]);
  expect(await balances()).toEqual({ alice: -15n, bob: 15n });
  expect(await lines(alice)).toHaveLength(2);
});

describe('a stream stops', () => {
  test('at a gap, with what came before it applied, and goes on when the missing event comes', async () => {
    const { posted, balances } = await stream();
    const [third, fourth, fifth] = [posted(3, 10, -10, 10), posted(4, 5, -15, 15), posted(5, 1, -16, 16)];
    await expect(applyEvents(database, [third, fifth])).rejects.toMatchObject({ name: 'StreamRefused', reason: 'gap' });
    expect(await balances()).toEqual({ alice: -10n, bob: 10n });
    await expect(applyEvents(database, [fifth])).rejects.toMatchObject({ reason: 'gap' });
    await applyEvents(database, [fourth, fifth]);
    expect(await balances()).toEqual({ alice: -16n, bob: 16n });
  });

  test('at an older and at a newer epoch', async () => {
    const { posted, balances } = await stream();
    await expect(applyEvents(database, [posted(3, 1, -1, 1, 2)])).rejects.toMatchObject({ reason: 'newer_epoch' });
    await postgres.sql('postgres', 'UPDATE consumer_position SET epoch = 2', 'reporting');
    await expect(applyEvents(database, [posted(3, 1, -1, 1, 1)])).rejects.toMatchObject({ reason: 'older_epoch' });
    await postgres.sql('postgres', 'UPDATE consumer_position SET epoch = 1', 'reporting');
    expect(await balances()).toEqual({ alice: 0n, bob: 0n });
  });

  test('without touching another shard of the same batch that came first', async () => {
    const [one, other] = [await stream(), await stream()];
    await expect(applyEvents(database, [one.posted(3, 1, -1, 1), other.posted(4, 1, -1, 1)])).rejects.toMatchObject({ reason: 'gap' });
    expect(await one.balances()).toEqual({ alice: -1n, bob: 1n });
    expect(await other.balances()).toEqual({ alice: 0n, bob: 0n });
  });
});

test('an event of a type that is not known yet is counted and passed over', async () => {
  const { event, posted, balances } = await stream();
  await applyEvents(database, [event(3, 'account.praised', {}), posted(4, 1, -1, 1)]);
  expect(await balances()).toEqual({ alice: -1n, bob: 1n });
});

test('every change of a balance gives its account and its owner a new version, by which cached answers are known', async () => {
  const { owner, alice, posted } = await stream();
  const before = [await readOwnerVersion(database, owner), (await readAccountHead(database, alice))!.version];
  await applyEvents(database, [posted(3, 1, -1, 1)]);
  const after = [await readOwnerVersion(database, owner), (await readAccountHead(database, alice))!.version];
  expect(after[0]).toBeGreaterThan(before[0]!);
  expect(after[1]).toBeGreaterThan(before[1]!);
});

test('pages of a statement neither repeat nor miss a line, within a range of time', async () => {
  const { alice, posted } = await stream();
  await applyEvents(database, Array.from({ length: 9 }, (_, index) => posted(3 + index, 1, -1 - index, 1 + index)));
  const range = { from: '2026-01-01T00:00:04Z', to: '2026-01-01T00:00:10Z', limit: 4 };
  const first = await readLines(database, alice, { ...range, before: undefined });
  const second = await readLines(database, alice, { ...range, before: first.at(-1)!.entry_version });
  expect([...first, ...second].map((line) => line.entry_version)).toEqual([7n, 6n, 5n, 4n, 3n, 2n]);
});

test('a transfer of many legs is a line each, and names no other account as the one across', async () => {
  const { alice, bob, transfer, posted, balances, lines } = await stream();
  const fees = randomUUID();
  await applyEvents(database, [
    posted(3, 10, -10, 10),
    transfer(4, [{ account: alice, amount: -5, balance: -15, version: 2 }, { account: bob, amount: 4, balance: 14, version: 2 }, { account: fees, amount: 1, balance: 1, version: 1 }]),
  ]);
  expect(await balances()).toEqual({ alice: -15n, bob: 14n });
  expect((await lines(alice)).map(({ counterparty }) => counterparty)).toEqual([null, bob]);
  expect(await lines(fees)).toMatchObject([{ amount_minor: 1n, counterparty: null }]);
});

test('what is held counts while a hold is open, however it ends', async () => {
  const { hold, rows, event, alice } = await stream();
  await applyEvents(database, [hold(3, 'hold.placed', 10), hold(4, 'hold.placed', 20)]);
  expect((await rows()).alice).toMatchObject({ held_minor: 30n, balance_minor: 0n });
  await applyEvents(database, [hold(5, 'hold.captured', 10), hold(6, 'hold.placed', 7), hold(7, 'hold.expired', 20), hold(8, 'hold.voided', 7)]);
  expect((await rows()).alice).toMatchObject({ held_minor: 0n });
  await applyEvents(database, [event(9, 'account.changed', { account_id: alice, status: 'frozen', overdraft_limit: null })]);
  expect((await rows()).alice).toMatchObject({ status: 'frozen', overdraft_limit_minor: null });
});

describe('after a bucket has moved to another shard, the events of an account come from two partitions', () => {
  test('an older entry that comes late does not overwrite the balance, and is still a line', async () => {
    const { alice, bob, transfer, balances, lines } = await stream();
    const from = shards++;
    const later = transfer(1, [{ account: alice, amount: -5, balance: -15, version: 2 }, { account: bob, amount: 5, balance: 15, version: 2 }], { from });
    const earlier = transfer(3, [{ account: alice, amount: -10, balance: -10, version: 1 }, { account: bob, amount: 10, balance: 10, version: 1 }]);
    await applyEvents(database, [later]);
    await applyEvents(database, [earlier]);
    expect(await balances()).toEqual({ alice: -15n, bob: 15n });
    expect((await lines(alice)).map((line) => [line.entry_version, line.balance_after_minor])).toEqual([[2n, -15n], [1n, -10n]]);
  });

  test('the end of a hold may come before its beginning, and a change before the opening', async () => {
    const { owner, opened, hold, rows, event } = await stream();
    const from = shards++;
    await applyEvents(database, [hold(1, 'hold.voided', 10, { from })]);
    await applyEvents(database, [hold(3, 'hold.placed', 10)]);
    expect((await rows()).alice).toMatchObject({ held_minor: 0n });

    const carol = randomUUID();
    await applyEvents(database, [event(2, 'account.changed', { account_id: carol, status: 'frozen', overdraft_limit: '50' }, { from })]);
    expect(await readAccountHead(database, carol)).toBeUndefined();
    await applyEvents(database, [opened(4, carol)]);
    expect((await readBalances(database, owner)).find(({ account_id }) => account_id === carol)).toMatchObject({ status: 'frozen', overdraft_limit_minor: 50n });
  });

  test('an older change of status that comes late does not overwrite the newer one', async () => {
    const { event, rows, alice } = await stream();
    const from = shards++;
    const change = (status: string, version?: string) => ({ account_id: alice, status, overdraft_limit: version === '2' ? '70' : '0', ...(version !== undefined && { version }) });
    await applyEvents(database, [event(1, 'account.changed', change('open', '2'), { from })]);
    await applyEvents(database, [event(3, 'account.changed', change('frozen', '1'))]);
    expect((await rows()).alice).toMatchObject({ status: 'open', overdraft_limit_minor: 70n });
    // In one batch of both, too; and those of before they were counted are taken in their order.
    await applyEvents(database, [event(2, 'account.changed', change('open', '4'), { from }), event(4, 'account.changed', change('frozen', '3'))]);
    expect((await rows()).alice).toMatchObject({ status: 'open' });
    await applyEvents(database, [event(5, 'account.changed', change('closed'))]);
    expect((await rows()).alice).toMatchObject({ status: 'closed' });
  });

  test('both partitions at once do not deadlock', async () => {
    const { alice, bob, transfer, balances } = await stream();
    const from = shards++;
    const pair = (sequence: number, version: number, accounts: readonly [string, string], place?: { from: number }) => transfer(sequence, [
      { account: accounts[0], amount: -1, balance: accounts[0] === alice ? -version : version, version }, { account: accounts[1], amount: 1, balance: accounts[1] === bob ? version : -version, version },
    ], place);
    for (let n = 0; n < 20; n++) {
      await Promise.all([
        applyEvents(database, [pair(3 + n, 1 + 2 * n, [alice, bob])]), applyEvents(database, [pair(1 + n, 2 + 2 * n, [bob, alice], { from })]),
      ]);
    }
    expect(await balances()).toEqual({ alice: -40n, bob: 40n });
  });
});
