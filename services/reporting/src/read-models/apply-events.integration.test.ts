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

/** A shard of its own for each test, with two accounts open. */
async function stream() {
  const shard = shards++;
  const [owner, alice, bob] = [randomUUID(), randomUUID(), randomUUID()];
  const event = (sequence: number, type: string, data: Record<string, unknown>, epoch = 1): ReceivedEvent => ({
    topic: 'ledger.events', partition: shard, offset: String(sequence), text: '',
    event: { id: randomUUID(), type, version: 1, epoch, shard, sequence: String(sequence), occurred_at: `2026-01-01T00:00:${String(sequence).padStart(2, '0')}.000000Z`, traceparent: null, actor: 'test', data },
  });
  const opened = (sequence: number, account: string) => event(sequence, 'account.opened', { account_id: account, owner, currency: 'EUR', kind: 'customer' });
  const posted = (sequence: number, amount: number, debitBalance: number, creditBalance: number, epoch = 1) => event(sequence, 'transfer.posted', {
    transfer_id: randomUUID(), debit_account: alice, credit_account: bob, amount: String(amount), currency: 'EUR',
    debit_balance: String(debitBalance), credit_balance: String(creditBalance), reference: null,
  }, epoch);
  await applyEvents(database, [opened(1, alice), opened(2, bob)]);
  const balances = async () => Object.fromEntries((await readBalances(database, owner)).map((row) => [row.account_id === alice ? 'alice' : 'bob', row.balance_minor]));
  const lines = (account: string, limit = 100) => readLines(database, account, { from: undefined, to: undefined, before: undefined, limit });
  return { owner, alice, bob, event, posted, balances, lines };
}

test('an event that comes twice counts once, alone or in the middle of new ones', async () => {
  const { alice, posted, balances, lines } = await stream();
  const [third, fourth, fifth] = [posted(3, 10, -10, 10), posted(4, 5, -15, 15), posted(5, 1, -16, 16)];
  await applyEvents(database, [third]);
  await applyEvents(database, [third, fourth]);
  await applyEvents(database, [third, fourth, fourth, fifth]);
  expect(await balances()).toEqual({ alice: -16n, bob: 16n });
  expect((await lines(alice)).map((line) => [line.sequence, line.amount_minor, line.balance_after_minor])).toEqual([[5n, -1n, -16n], [4n, -5n, -15n], [3n, -10n, -10n]]);
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
  await applyEvents(database, [event(3, 'account.frozen', {}), posted(4, 1, -1, 1)]);
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
  const second = await readLines(database, alice, { ...range, before: first.at(-1)! });
  expect([...first, ...second].map((line) => line.sequence)).toEqual([9n, 8n, 7n, 6n, 5n, 4n]);
});
