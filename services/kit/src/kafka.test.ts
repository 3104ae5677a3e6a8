import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from './events.ts';
import type { Kafka } from './kafka.ts';

/** As a broker counts: a producer's batch is taken if it follows on the last one of its id. */
class Broker {
  readonly taken: string[] = [];
  private readonly next = new Map<number, number>();
  private ids = 0;

  /** It lost its data, gives out ids from the first one again, and has heard from producers of before, who kept theirs. */
  forget(heardFrom: readonly number[]): void {
    this.next.clear();
    this.ids = 0;
    for (const id of heardFrom) this.next.set(id, 7);
  }

  newId(): number {
    return this.ids++;
  }

  take(id: number, sequence: number, messages: readonly { value: string }[]): void {
    if (sequence !== (this.next.get(id) ?? sequence)) throw new Error('The broker received an out of order sequence number');
    this.next.set(id, sequence + messages.length);
    this.taken.push(...messages.map(({ value }) => value));
  }
}

let broker = new Broker();
const open: Kafka[] = [];
const directory = mkdtempSync(join(tmpdir(), 'kafka-test-'));
for (const file of ['ca.crt', 'tls.crt', 'tls.key']) writeFileSync(join(directory, file), '');

// A producer of kafkajs asks for its id once, however often it connects, and counts from 0 what the broker has taken.
jest.unstable_mockModule('kafkajs', () => ({
  default: {
    logLevel: { WARN: 2 },
    Partitioners: {},
    Kafka: class {
      producer() {
        let id: number | undefined;
        let sequence = 0;
        return {
          events: { DISCONNECT: 'disconnect' },
          on: () => undefined,
          connect: () => { id ??= broker.newId(); return Promise.resolve(); },
          disconnect: () => Promise.resolve(),
          send: async ({ messages }: { messages: { value: string }[] }) => {
            if (id === undefined) throw new Error('not connected');
            broker.take(id, sequence, messages);
            sequence += messages.length;
          },
        };
      }
    },
  },
}));

async function newKafka(): Promise<Kafka> {
  const made = new (await import('./kafka.ts')).Kafka({ service: 'test', brokers: [{ host: 'kafka', port: 9092 }], directory });
  open.push(made);
  return made;
}

const publish = (kafka: Kafka, text: string) => kafka.publish('ledger.events', [{ event: { traceparent: null } as Event, key: '0', text }]);

afterEach(async () => {
  await Promise.all(open.splice(0).map((kafka) => kafka.close()));
  broker = new Broker();
});

afterAll(() => rmSync(directory, { recursive: true }));

test('a service could stay silent for ever when a Kafka that lost its data gives it the id of a producer of before', async () => {
  broker.forget([0]);
  const kafka = await newKafka();
  await expect(publish(kafka, 'first')).rejects.toThrow('out of order');
  await publish(kafka, 'first');
  await publish(kafka, 'second');
  expect(broker.taken).toEqual(['first', 'second']);
});

test('one of two that fail with the same producer could take away the one that has come after it', async () => {
  broker.forget([0]);
  const kafka = await newKafka();
  await Promise.allSettled([publish(kafka, 'a'), publish(kafka, 'b')]);
  await publish(kafka, 'a');
  await publish(kafka, 'b');
  expect(broker.taken).toEqual(['a', 'b']);
  expect(broker.newId()).toBe(2);
});
