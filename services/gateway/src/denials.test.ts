import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Event } from '@holdfast/kit/events';
import type { Kafka } from '@holdfast/kit/kafka';
import { Denials } from './denials.ts';

const rejected = { reason: 'expired', status: 401, method: 'GET', route: '/v1/accounts' };
let sent: Event[];
let kafkaIsAway: boolean;
let denials: Denials;

beforeEach(() => {
  jest.useFakeTimers();
  sent = [];
  kafkaIsAway = false;
  const kafka = {
    publish: async (_topic: string, messages: { event: Event }[]) => {
      if (kafkaIsAway) throw new Error('Kafka is away');
      sent.push(...messages.map(({ event }) => event));
    },
  };
  denials = new Denials(kafka as unknown as Kafka);
  denials.start();
});

afterEach(async () => {
  await denials.stop();
  jest.useRealTimers();
});

const counts = () => sent.map((event) => event.data.count);

/** Over some seconds, at a steady pace. */
async function refuse(count: number, over_ms: number): Promise<void> {
  for (let refused = 0; refused < count; refused++) {
    denials.tell(rejected);
    await jest.advanceTimersByTimeAsync(over_ms / count);
  }
}

test('ten thousand refusals, then silence, would be recorded as one', async () => {
  await refuse(10_000, 9_000);
  expect(counts()).toEqual([1]);
  await jest.advanceTimersByTimeAsync(2_000);
  expect(counts()).toEqual([1, 9_999]);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(counts()).toEqual([1, 9_999]);
});

test('a stream of refusals would fill the trail, or be miscounted', async () => {
  await refuse(600, 60_000);
  await jest.advanceTimersByTimeAsync(12_000);
  expect(counts().length).toBeLessThanOrEqual(8);
  expect(counts().reduce<number>((sum, count) => sum + Number(count), 0)).toBe(600);
  expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, index) => String(index + 1)));
});

test('what was repeated just before the end would be lost', async () => {
  await refuse(50, 500);
  await denials.stop();
  expect(counts().reduce<number>((sum, count) => sum + Number(count), 0)).toBe(50);
});

test('repeats while Kafka is away would be lost', async () => {
  kafkaIsAway = true;
  await refuse(300, 30_000);
  kafkaIsAway = false;
  await jest.advanceTimersByTimeAsync(15_000);
  expect(counts().reduce<number>((sum, count) => sum + Number(count), 0)).toBe(300);
});
