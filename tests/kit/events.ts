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
 * Kafka's network is internal: the test reaches the container by its address and verifies its name all the same.
 */
export async function readTopic(platform: Platform, topic: string, budgetMs: number, stop: (event: SeenEvent) => boolean): Promise<SeenEvent[]> {
  const address = await platform.addressOf('kafka');
  const secrets = join(platform.instance.directory, 'secrets/setup');
  const read = (name: string): string => readFileSync(join(secrets, name), 'utf8');
  const kafka = new Kafka({
    clientId: 'test', brokers: ['kafka:9093'], logLevel: logLevel.NOTHING, ssl: true,
    socketFactory: ({ port, onConnect }) => connect({ host: address, port, servername: 'kafka', ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') }, onConnect),
  });
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

async function deleteGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([groupId]);
  await admin.disconnect();
}
