import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Event } from '@holdfast/kit/events';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import type { Database } from '@holdfast/kit/postgres';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { applyEvents } from '../read-models/apply-events.ts';
import { readBalances, readLines, readOwnerVersion } from '../reports/reports.store.ts';
import { rebuild, type Books, type Epochs, type Rebuilt, type Replay } from './rebuild.ts';

const TOPIC = 'ledger.events';
const ACCOUNTS = 10;

jest.setTimeout(60_000);

let postgres: ThrowawayPostgres;
let live: Database;
let fresh: Database;
let ledger: Ledger;

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({ database: 'reporting', role: 'reporting', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)) });
  live = postgres.database({ database: 'reporting', user: 'reporting', schema: 'public', statementTimeoutMs: 20_000 });
  fresh = postgres.database({ database: 'reporting', user: 'reporting', schema: 'rebuild', statementTimeoutMs: 20_000 });
}, 120_000);

afterAll(() => postgres?.stop());

beforeEach(async () => {
  await postgres.sql('postgres', 'TRUNCATE consumer_position, account_balances, owner_versions, statement_lines', 'reporting');
  ledger = new Ledger();
  for (let n = 0; n < 300; n++) ledger.transfer();
  await applyEvents(live, ledger.events.map(received));
});

const received = (event: Event): ReceivedEvent => ({ event, text: '', topic: TOPIC, partition: event.shard, offset: event.sequence });

/** Two shards' worth of events, and the balances that they leave. */
class Ledger {
  readonly told: Event[] = [];
  readonly accounts = Array.from({ length: ACCOUNTS }, () => ({ id: randomUUID(), owner: randomUUID(), balance: 0n, version: 0n }));
  private readonly sequences = [0, 0];
  private readonly epochsOf = [1, 1];
  asked: string[] = [];

  constructor() {
    for (const [n, { id, owner }] of this.accounts.entries()) this.tell(n % 2, 'account.opened', { account_id: id, owner, currency: 'EUR', kind: 'customer', overdraft_limit: null });
  }

  get events(): readonly Event[] {
    return this.told;
  }

  /** Between two accounts of the same shard. */
  transfer(): void {
    const n = Math.floor(Math.random() * ACCOUNTS);
    const [from, to] = [this.accounts[n]!, this.accounts[(n + 2) % ACCOUNTS]!];
    const entries = ([[from, -5n], [to, 5n]] as const).map(([account, amount]) => {
      account.balance += amount;
      account.version += 1n;
      return { account_id: account.id, amount: amount.toString(), currency: 'EUR', balance: account.balance.toString(), version: account.version.toString() };
    });
    this.tell(n % 2, 'transfer.posted', { transfer_id: randomUUID(), kind: 'transfer', entries, reference: null, external_reference: null, reverses: null, hold_id: null });
  }

  private tell(shard: number, type: string, data: Record<string, unknown>): void {
    const sequence = (this.sequences[shard] ?? 0) + 1;
    this.sequences[shard] = sequence;
    this.told.push({ id: randomUUID(), type, version: 1, epoch: this.epochsOf[shard] ?? 1, shard, sequence: String(sequence), occurred_at: new Date().toISOString(), traceparent: null, actor: 'test', data });
  }

  async epochs(): Promise<Epochs> {
    return new Map(this.sequences.map((_, shard) => [shard, [...Map.groupBy(this.told.filter((event) => event.shard === shard), ({ epoch }) => epoch)]
      .map(([epoch, events]) => ({ epoch, sequence: BigInt(events.at(-1)?.sequence ?? 0) }))]));
  }

  /** Goes back to event n of a shard, as a restore does: what came after it no longer happened, and a new epoch begins. Returns what was undone. */
  restore(shard: number, n: number, epoch: number): Event[] {
    const undone = this.told.filter((event) => event.shard === shard && Number(event.sequence) > n);
    const left = this.told.filter((event) => !undone.includes(event));
    this.told.splice(0, this.told.length, ...left);
    for (const account of this.accounts) [account.balance, account.version] = [0n, 0n];
    for (const { data } of left) {
      for (const { account_id, balance, version } of (data.entries ?? []) as { account_id: string; balance: string; version: string }[]) {
        const account = this.accounts.find(({ id }) => id === account_id);
        if (account) [account.balance, account.version] = [BigInt(balance), BigInt(version)];
      }
    }
    const previous = this.epochsOf[shard] ?? 1;
    this.epochsOf[shard] = epoch;
    this.sequences[shard] = n;
    this.tell(shard, 'stream.restored', {
      restore_id: 'r', cluster: `ledger${shard}`, previous_epoch: previous, stands_until: String(n), restored_to: 'x', last_transaction_at: null, lsn: '0/1', by: 'test', reason: 'test',
    });
    return undone;
  }

  async *eventsOf(shard: number, after: bigint, to: bigint): AsyncIterable<Event> {
    this.asked.push(`shard ${shard} after ${after} to ${to}`);
    yield* this.told.filter((event) => event.shard === shard && BigInt(event.sequence) > after && BigInt(event.sequence) <= to);
  }

  async *heads(): AsyncIterable<{ account: string; version: string; balance: string }> {
    for (const { id, version, balance } of this.accounts) yield { account: id, version: version.toString(), balance: balance.toString() };
  }
}

/** As Kafka would tell them: those that it has from its first on, and those that come. */
function replayOf(from: Ledger, has: (event: Event) => boolean = () => true): Replay {
  return (apply) => {
    let going = true;
    const running = (async () => {
      for (let next = 0; going;) {
        const events = from.events.slice(next, next + 50);
        try {
          await apply(events.filter(has).map(received));
          next += events.length;
        } catch {
          await sleep(20);
        }
        if (events.length === 0) await sleep(5);
      }
    })();
    return { stop: async () => { going = false; await running; } };
  };
}

const books = (): Books => ({ epochs: () => ledger.epochs(), events: (shard, after, to) => ledger.eventsOf(shard, after, to), heads: () => ledger.heads() });
const run = (replay: Replay = replayOf(ledger), of: Books = books()): Promise<Rebuilt> =>
  rebuild({ live, fresh, topic: TOPIC, replay, books: of, say: () => undefined, silenceMs: 1_000 });

async function expectReadModelsOfLedger(): Promise<void> {
  for (const { id, owner, balance, version } of ledger.accounts) {
    expect((await readBalances(live, owner)).map((row) => row.balance_minor)).toEqual([balance]);
    const lines = await readLines(live, id, { from: undefined, to: undefined, before: undefined, limit: 10_000 });
    expect(lines.map((line) => line.entry_version)).toEqual(Array.from({ length: Number(version) }, (_, n) => version - BigInt(n)));
  }
}

const leftovers = (): Promise<string> => postgres.sql('postgres', `SELECT string_agg(nspname, ' ') FROM pg_namespace WHERE nspname IN ('rebuild', 'replaced')`, 'reporting');

test('sound read models are rebuilt to the same, and nothing is left behind', async () => {
  expect(await run()).toMatchObject({ accounts: ACCOUNTS, lines: 600, events: 310, events_of_the_journal: 0, differences_count: 0, agreed: ACCOUNTS });
  await expectReadModelsOfLedger();
  expect(await leftovers()).toBe('');
});

test('the new tables are like the old: indexes, constraints, grants, owner; and are rebuilt once more', async () => {
  const shape = (): Promise<string> => postgres.sql('postgres', `
    SELECT string_agg(what, E'\\n' ORDER BY what) FROM (
      SELECT indexdef AS what FROM pg_indexes WHERE schemaname = 'public' UNION ALL
      SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL
      SELECT oid::regclass || relowner::regrole::text || coalesce(reloptions::text, '') || coalesce((SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(relacl) AS a), '') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' UNION ALL
      SELECT table_name || column_name || data_type || is_nullable FROM information_schema.columns WHERE table_schema = 'public') AS shape`, 'reporting');
  const before = await shape();
  await run();
  expect(await shape()).toBe(before);
  expect((await run()).differences_count).toBe(0);
  expect(await shape()).toBe(before);
});

test('no answer that was cached before has a key that is asked for afterwards', async () => {
  const owner = ledger.accounts[0]!.owner;
  const before = await readOwnerVersion(live, owner);
  await run();
  expect(await readOwnerVersion(live, owner)).toBeGreaterThan(before);
});

describe('whatever had happened to the read models is told, and healed:', () => {
  test.each([
    ['lines that were lost', `DELETE FROM statement_lines WHERE entry_version = 3`, /line .* was missing/],
    ['accounts that were lost', `DELETE FROM account_balances WHERE account_id IN (SELECT account_id FROM account_balances LIMIT 3)`, /account .* was not there/],
    ['a balance that was changed', `UPDATE account_balances SET balance_minor = balance_minor + 1 WHERE entry_version = (SELECT max(entry_version) FROM account_balances)`, /showed a balance/],
    ['an owner that was changed', `UPDATE account_balances SET owner = 'mallory' WHERE account_id = (SELECT min(account_id::text)::uuid FROM account_balances)`, /showed another owner/],
    ['a line that never was', `INSERT INTO statement_lines SELECT account_id, 9999, transfer_id, kind, counterparty, 1, 1, NULL, NULL, occurred_at FROM statement_lines LIMIT 1`, /no event tells of it/],
    ['everything', `TRUNCATE account_balances, owner_versions, statement_lines`, /was not there/],
  ])('%s', async (_, sql, says) => {
    // What happened before the last few seconds.
    await postgres.sql('postgres', `UPDATE statement_lines SET occurred_at = occurred_at; ${sql}`, 'reporting');
    const aged = ledger.told.map((event) => ({ ...event, occurred_at: new Date(Date.parse(event.occurred_at) - 60_000).toISOString() }));
    ledger.told.splice(0, Infinity, ...aged);
    await postgres.sql('postgres', `UPDATE statement_lines SET occurred_at = occurred_at - interval '1 minute'; UPDATE account_balances SET changed_at = changed_at - interval '1 minute', opened_at = opened_at - interval '1 minute'`, 'reporting');
    const result = await run();
    expect(result.differences.map(({ kind, id, why }) => `${kind} ${id} ${why}`).join('\n')).toMatch(says);
    expect(result.differences_count).toBeGreaterThan(0);
    await expectReadModelsOfLedger();
  });
});

test.each([
  ['the beginning is gone', (event: Event) => Number(event.sequence) > 100],
  ['one shard is gone altogether', (event: Event) => event.shard === 0],
  ['all of it is gone', () => false],
])('what Kafka has no more comes from the journal: %s', async (_, has) => {
  const result = await run(replayOf(ledger, has));
  expect(result.events_of_the_journal).toBe(ledger.events.filter((event) => !has(event)).length);
  expect(result.differences_count).toBe(0);
  await expectReadModelsOfLedger();
});

test('transfers go on, and so do those who apply them and those who read: nobody sees anything but old or new', async () => {
  let going = true;
  let applied = ledger.events.length;
  const work = (async () => {
    while (going) {
      ledger.transfer();
      await sleep(3);
    }
  })();
  const apply = async (): Promise<void> => {
    const batch = ledger.events.slice(applied, applied + 20);
    await applyEvents(live, batch.map(received)).then(() => { applied += batch.length; }, (cause: unknown) => {
      // Held still for too long: Kafka would bring them again.
      if ((cause as { status?: number }).status !== 503) throw cause;
    });
    if (batch.length === 0) await sleep(5);
  };
  const applying = (async () => { while (going) await apply(); })();
  let reads = 0;
  const reading = (async () => {
    while (going) {
      for (const { owner } of ledger.accounts) expect(await readBalances(live, owner)).toHaveLength(1);
      reads++;
    }
  })();
  try {
    for (let n = 0; n < 3; n++) expect((await run()).differences_count).toBe(0);
  } finally {
    going = false;
    await Promise.all([work, applying, reading]);
  }
  while (applied < ledger.events.length) await apply();
  await expectReadModelsOfLedger();
  expect(reads).toBeGreaterThan(0);
}, 60_000);

describe('the old read models stay as they were', () => {
  test('if the new ones are not what the ledger says', async () => {
    const lying: Books = { ...books(), heads: async function* () { for await (const head of ledger.heads()) yield { ...head, balance: String(BigInt(head.balance) + 1n) }; } };
    await expect(rebuild({ live, fresh, topic: TOPIC, replay: replayOf(ledger), books: lying, say: () => undefined, silenceMs: 1_000, agreeWithinMs: 500 })).rejects.toThrow('10 accounts are not what the ledger says');
    await expectReadModelsOfLedger();
    expect(await leftovers()).toBe('');
  });

  test('if it is interrupted; what it left is dropped by the next one', async () => {
    await postgres.sql('postgres', `DROP SCHEMA IF EXISTS rebuild CASCADE; CREATE SCHEMA rebuild AUTHORIZATION setup; CREATE TABLE rebuild.half_done (n int); ALTER TABLE rebuild.half_done OWNER TO setup`, 'reporting');
    await expectReadModelsOfLedger();
    expect((await run()).differences_count).toBe(0);
    expect(await leftovers()).toBe('');
  });

  test('of two rebuilds at once, one goes away', async () => {
    const [one, other] = await Promise.allSettled([run(), run()]);
    expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected']);
    await expectReadModelsOfLedger();
  });

  test('and reporting itself can neither change nor drop them', async () => {
    await expect(live.query('DROP TABLE account_balances')).rejects.toThrow('must be owner');
    await expect(live.query('DELETE FROM statement_lines')).rejects.toThrow('permission denied');
    await expect(live.query('CREATE SCHEMA mine')).rejects.toThrow('permission denied');
  });
});

describe('after a restore of a shard', () => {
  test('what no longer happened is gone from the read models, whether Kafka still tells it or not', async () => {
    const standing = ledger.told.filter(({ shard }) => shard === 0).length;
    const kafka = [...ledger.told];
    ledger.restore(0, standing - 20, 5);
    for (let n = 0; n < 10; n++) ledger.transfer();
    kafka.push(...ledger.told.filter((event) => !kafka.includes(event)));
    // The reader of events stands still before the statement: it has applied what was undone.
    await expect(applyEvents(live, kafka.map(received))).rejects.toThrow('rebuild reporting');
    const told = Object.assign(Object.create(ledger) as Ledger, { told: kafka });
    const result = await run(replayOf(told));
    expect(result.differences_count).toBeGreaterThan(0);
    await expectReadModelsOfLedger();
    // And goes on, however often Kafka tells all of it again.
    ledger.transfer();
    await applyEvents(live, [...kafka, ...ledger.told.slice(-1)].map(received));
    await expectReadModelsOfLedger();
    expect((await run(replayOf(ledger, () => false))).differences_count).toBe(0);
    await expectReadModelsOfLedger();
  });

  test('who had not come further than the restore goes on by itself', async () => {
    ledger.restore(1, ledger.told.filter(({ shard }) => shard === 1).length, 7);
    ledger.transfer();
    await applyEvents(live, ledger.events.map(received));
    await expectReadModelsOfLedger();
  });
});
