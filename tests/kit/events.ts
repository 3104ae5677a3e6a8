import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import type { Platform } from './platform.ts';

export interface SeenEvent {
  id: string;
  type: string;
  epoch: number;
  shard: number;
  sequence: string;
  traceparent: string;
  data: Record<string, unknown>;
}

/**
 * Reads a topic from its beginning until `stop` is satisfied or the budget has passed, and returns what was read.
 */
export async function readTopic(platform: Platform, topic: string, budgetMs: number, stop: (event: SeenEvent) => boolean): Promise<SeenEvent[]> {
  const kafka = await connectionTo(platform);
  const groupId = `test-${Date.now()}`;
  const consumer = kafka.consumer({ groupId });
  const seen: SeenEvent[] = [];
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the event was not on ${topic} within ${budgetMs / 1000} s (${seen.length} others were)`)), budgetMs);
      consumer
        .run({
          eachMessage: async ({ message }) => {
            const event = JSON.parse(String(message.value)) as SeenEvent;
            seen.push(event);
            if (!stop(event)) return;
            clearTimeout(timer);
            resolve();
          },
        })
        .catch(reject);
    });
    return seen;
  } finally {
    await consumer.disconnect();
    await deleteGroup(kafka, groupId);
  }
}

/** Key and text of every message on any topic since an instant, by topic. Kafka's own topics are left out: they hold positions of groups, and nothing that a request brings. */
export async function readTopicsSince(platform: Platform, since: Date, budgetMs: number): Promise<Map<string, string[]>> {
  const kafka = await connectionTo(platform);
  const admin = kafka.admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
  const texts = new Map<string, string[]>(topics.map((topic) => [topic, []]));
  const parts = (await Promise.all(topics.map(async (topic) => {
    const [first, last] = await Promise.all([admin.fetchTopicOffsetsByTimestamp(topic, since.getTime()), admin.fetchTopicOffsets(topic)]);
    return last.map(({ partition, high }) => ({ topic, partition, from: BigInt(first.find((part) => part.partition === partition)?.offset ?? '0'), end: BigInt(high) }));
  }))).flat().filter(({ from, end }) => from < end);
  await admin.disconnect();
  if (parts.length === 0) return texts;

  const groupId = `test-${Date.now()}`;
  const consumer = kafka.consumer({ groupId });
  const missing = new Set(parts);
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...new Set(parts.map(({ topic }) => topic))], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not read to their ends within ${budgetMs / 1000} s: ${[...missing].map(({ topic, partition }) => `${topic}[${partition}]`).join(', ')}`)), budgetMs);
      consumer
        .run({
          eachMessage: async ({ topic, partition, message }) => {
            const part = parts.find((one) => one.topic === topic && one.partition === partition);
            if (!part || BigInt(message.offset) < part.from) return;
            texts.get(topic)?.push(`${String(message.key)} ${JSON.stringify(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]))} ${String(message.value)}`);
            if (BigInt(message.offset) >= part.end - 1n) missing.delete(part);
            if (missing.size > 0) return;
            clearTimeout(timer);
            resolve();
          },
        })
        .catch(reject);
      for (const { topic, partition, from } of parts) consumer.seek({ topic, partition, offset: from.toString() });
    });
    return texts;
  } finally {
    await consumer.disconnect();
    await deleteGroup(kafka, groupId);
  }
}

/** Kafka's network is internal: the test reaches the container by its address and verifies its name all the same. */
async function connectionTo(platform: Platform): Promise<Kafka> {
  const address = await platform.addressOf('kafka');
  const secrets = join(platform.instance.directory, 'secrets/setup');
  const read = (name: string): string => readFileSync(join(secrets, name), 'utf8');
  return new Kafka({
    clientId: 'test', brokers: ['kafka:9093'], logLevel: logLevel.NOTHING, ssl: true,
    socketFactory: ({ port, onConnect }) => connect({ host: address, port, servername: 'kafka', ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') }, onConnect),
  });
}

async function deleteGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([groupId]);
  await admin.disconnect();
}
