import { expect, test } from '@jest/globals';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { BooksOverPipes } from './books-over-pipes.ts';

/** Somebody at the other end who answers each question with some lines. */
function answering(answers: Readonly<Record<string, readonly unknown[]>>): BooksOverPipes {
  const [input, output] = [new PassThrough(), new PassThrough()];
  createInterface({ input: output }).on('line', (line) => {
    const { want } = JSON.parse(line) as { want: string[] };
    for (const one of answers[want.join(' ')] ?? [{ end: 1 }]) input.write(`${JSON.stringify(one)}\n`);
  });
  return new BooksOverPipes(input, output);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
const event = (sequence: number) => ({
  id: '00000000-0000-4000-8000-000000000000', type: 'account.opened', version: 1, epoch: 1, shard: 0, sequence: String(sequence), occurred_at: '2026-01-01T00:00:00.000000Z', traceparent: null, actor: 'test', data: {},
});

test('two who ask at once each get their own answer', async () => {
  const books = answering({ 'epochs': [[0, [[1, '5'], [3, '7']]], [1, [[1, '9007199254740993']]], { end: 0 }], 'heads': [['a', '1', '-5'], { end: 0 }], 'events 0 1 3': [event(2), event(3), { end: 0 }] });
  const [epochs, heads, events] = await Promise.all([books.epochs(), all(books.heads()), all(books.events(0, 1n, 3n))]);
  expect(epochs).toEqual(new Map([[0, [{ epoch: 1, sequence: 5n }, { epoch: 3, sequence: 7n }]], [1, [{ epoch: 1, sequence: 9007199254740993n }]]]));
  expect(heads).toEqual([{ account: 'a', version: '1', balance: '-5' }]);
  expect(events.map(({ sequence }) => sequence)).toEqual(['2', '3']);
});

test('an answer that ends with a failure is none, though lines of it came', async () => {
  await expect(all(answering({ heads: [['a', '1', '-5'], { end: 3 }] }).heads())).rejects.toThrow('did not tell its heads (status 3)');
});

test('an end that says nothing is a failure', async () => {
  const input = new PassThrough();
  const books = new BooksOverPipes(input, new PassThrough());
  const asked = books.epochs();
  input.end();
  await expect(asked).rejects.toThrow('nobody answers');
});

test('what is no event is not taken for one', async () => {
  await expect(all(answering({ 'events 0 0 1': [{ sequence: 1 }, { end: 0 }] }).events(0, 0n, 1n))).rejects.toThrow();
});
