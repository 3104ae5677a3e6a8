import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from './events.ts';
import type { OutgoingEvent, Publisher } from './kafka.ts';
import { OutboxRelay, writeEvent } from './outbox.ts';
import type { Database } from './postgres.ts';
import { ThrowawayPostgres } from './testing/throwaway-postgres.ts';

/** Takes events like Kafka, and can be away, or lose its answer after it has taken them. */
class Broker implements Publisher {
  taken: Event[] = [];
  state: 'here' | 'away' | 'answer_lost' = 'here';

  async publish(_topic: string, events: readonly OutgoingEvent[]): Promise<void> {
    await sleep(1);
    if (this.state === 'away') throw new Error('Kafka is not connected');
    this.taken.push(...events.map(({ event }) => event));
    if (this.state === 'answer_lost') throw new Error('the answer was lost');
  }

  /** As a consumer sees them: repeats dropped. */
  applied(): string[] {
    const applied: string[] = [];
    for (const event of this.taken) {
      if (BigInt(event.sequence) <= BigInt(applied.length)) continue;
      expect(event.sequence).toBe(String(applied.length + 1));
      applied.push(String(event.data.user_id));
    }
    return applied;
  }
}

let postgres: ThrowawayPostgres;
let database: Database;
let broker: Broker;
let relays: OutboxRelay[];

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({ database: 'users', role: 'users', migrations: join(import.meta.dirname, '../../users/migrations') });
  database = postgres.database({ database: 'users', user: 'users', connectionsMax: 30 });
}, 120_000);

afterAll(() => postgres.stop());

beforeEach(async () => {
  await postgres.sql('setup', 'truncate outbox; update event_stream set last_sequence = 0, published_sequence = 0', 'users');
  broker = new Broker();
  relays = [];
});

function relay(): OutboxRelay {
  const made = new OutboxRelay({ database, publisher: broker, topic: 'users.events', shard: 0, partition: 0, keyOf: (event) => String(event.data.user_id) });
  made.start();
  relays.push(made);
  return made;
}

const write = (user: string, work: () => Promise<void> = () => Promise.resolve()): Promise<void> =>
  database.transaction(async (connection) => {
    await writeEvent(connection, { type: 'user.updated', data: { user_id: user }, actor: user });
    await work();
  });

async function until(condition: () => boolean, limit_ms = 15_000): Promise<void> {
  const deadline = Date.now() + limit_ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('not within the time');
    await sleep(10);
  }
}

afterEach(() => Promise.all(relays.map((one) => one.stop())));

const stopAll = (): Promise<unknown> => Promise.all(relays.map((one) => one.stop()));

describe('the outbox', () => {
  test('events of many writers leave with numbers that have no gap, though ids and rolled back rows do', async () => {
    relay();
    await Promise.all(Array.from({ length: 20 }, async (_, writer) => {
      for (let n = 0; n < 20; n++) {
        await write(`${writer}`, () => (n % 5 === 4 ? Promise.reject(new Error('rolled back')) : Promise.resolve())).catch(() => undefined);
      }
    }));
    await until(() => broker.applied().length === 320);
    await stopAll();
  }, 30_000);

  test('a row that commits late gets a later number, and is not passed over', async () => {
    relay();
    const late = Promise.withResolvers<undefined>();
    const writing = write('late', () => late.promise);
    await sleep(50);
    await write('early');
    await until(() => broker.applied().length === 1);
    late.resolve(undefined);
    await writing;
    await until(() => broker.applied().length === 2);
    expect(broker.applied()).toEqual(['early', 'late']);
    await stopAll();
  });

  test('Kafka away: writers go on, and everything leaves by itself afterwards', async () => {
    broker.state = 'away';
    const one = relay();
    for (let n = 0; n < 50; n++) await write(String(n));
    await until(() => one.trouble() !== undefined);
    broker.state = 'here';
    await until(() => broker.applied().length === 50);
    expect(broker.applied()).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
    await until(() => one.trouble() === undefined);
    await stopAll();
  }, 30_000);

  test('an answer that was lost repeats the same numbers', async () => {
    broker.state = 'answer_lost';
    relay();
    await write('a');
    await until(() => broker.taken.length >= 2);
    broker.state = 'here';
    await write('b');
    await until(() => broker.applied().length === 2);
    expect(new Set(broker.taken.filter((event) => event.sequence === '1').map((event) => event.id)).size).toBe(1);
    await stopAll();
  });

  test('two replicas: one relays, and the other takes over when it stops or loses its session', async () => {
    const first = relay();
    await sleep(200);
    relay();
    await write('a');
    await until(() => broker.applied().length === 1);
    await postgres.sql('postgres', `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`);
    await write('b');
    await until(() => broker.applied().length === 2);
    await first.stop();
    await write('c');
    await until(() => broker.applied().length === 3);
    expect(broker.taken).toHaveLength(3);
    await stopAll();
  }, 30_000);

  test('Kafka is slow: batches are numbered ahead and still leave in order, one at a time, and no more at once than the broker takes', async () => {
    const sizes: number[] = [];
    let under = 0;
    const slow: Publisher = {
      publish: async (topic, events) => {
        expect(++under).toBe(1);
        sizes.push(events.reduce((sum, { text }) => sum + (text?.length ?? 0), 0));
        await sleep(30);
        under--;
        await broker.publish(topic, events);
      },
    };
    const one = new OutboxRelay({ database, publisher: slow, topic: 'users.events', shard: 0, partition: 0, keyOf: () => '0' });
    one.start();
    relays.push(one);
    for (let n = 0; n < 30; n++) {
      await write(`${n} ${'x'.repeat(100_000)}`);
      one.nudge();
    }
    await until(() => broker.applied().length === 30);
    expect(Math.max(...sizes)).toBeLessThan(1_200_000);
    expect(broker.taken).toHaveLength(30);
    await stopAll();
    expect(await postgres.sql('postgres', 'select last_sequence, published_sequence from event_stream', 'users')).toBe('30|30');
  }, 30_000);

  test('a relay that stops in the middle of its batches leaves nothing behind, and what was numbered keeps its number', async () => {
    for (let n = 0; n < 1_200; n += 100) {
      await database.query(`insert into outbox (type, data, actor) select 'user.updated', jsonb_build_object('user_id', n::text), 'test' from generate_series($1::int, $1 + 99) n`, [n]);
    }
    broker.state = 'answer_lost';
    const first = relay();
    await until(() => broker.taken.length >= 1);
    await first.stop();
    const numbers = await postgres.sql('postgres', 'select md5(string_agg(id::text || sequence, \',\' order by id)) from outbox where sequence <= 500', 'users');
    broker.state = 'here';
    relay();
    await until(() => broker.applied().length === 1_200);
    expect(broker.applied()).toEqual(Array.from({ length: 1_200 }, (_, n) => String(n)));
    expect(await postgres.sql('postgres', 'select md5(string_agg(id::text || sequence, \',\' order by id)) from outbox where sequence <= 500', 'users')).toBe(numbers);
    await stopAll();
  }, 30_000);

  test('a nudge after the commit is faster than the poll', async () => {
    const one = relay();
    await sleep(2_500);
    const started = performance.now();
    await write('a');
    one.nudge();
    await until(() => broker.taken.length === 1);
    expect(performance.now() - started).toBeLessThan(500);
    await stopAll();
  });
});
