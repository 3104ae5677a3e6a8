import { describe, expect, test } from '@jest/globals';
import { Problem, unavailable } from '@holdfast/kit/problem';
import { PostingQueue } from './posting-queue.ts';
import type { Posted, Posting } from './posting.ts';

const posting = (key: string): Posting => ({
  scope: 'alice', key, requestHash: Buffer.alloc(32), transferId: key as never, debitAccount: 'a', creditAccount: 'b', amountMinor: 1n, currency: 'EUR',
  reference: undefined, owner: 'alice', refusal: undefined, actor: 'alice', traceparent: undefined,
});
const posted = (item: Posting): Posted => ({ outcome: 'posted', replayed: false, transferId: item.transferId, postedAt: '' });
const options = { lanes: 1, batchMax: 100, waitingMax: 1000 };

describe('the posting queue', () => {
  test('lets requests that arrive together leave together, and what comes meanwhile as the next batch', async () => {
    const sizes: number[] = [];
    const queue = new PostingQueue(async (items) => {
      sizes.push(items.length);
      if (sizes.length === 1) late = ['d', 'e'].map((key) => queue.add(posting(key)));
      await new Promise((resolve) => setImmediate(resolve));
      return items.map(posted);
    }, options);
    let late: Promise<Posted>[] = [];
    const answers = await Promise.all(['a', 'b', 'c'].map((key) => queue.add(posting(key))));
    await Promise.all(late);
    expect(answers.map((answer) => answer.transferId)).toEqual(['a', 'b', 'c']);
    expect(sizes).toEqual([3, 2]);
  });

  test('answers "in flight" to a key that is on its way, and takes it again afterwards', async () => {
    const queue = new PostingQueue((items) => Promise.resolve(items.map(posted)), options);
    const [first, second] = await Promise.all([queue.add(posting('same')), queue.add(posting('same'))]);
    expect([first.outcome, second.outcome]).toEqual(['posted', 'idempotency_in_flight']);
    expect((await queue.add(posting('same'))).outcome).toBe('posted');
  });

  test('does not let one poisoned transfer sink its batch', async () => {
    const queue = new PostingQueue((items) => (items.some((item) => item.key === 'poison') ? Promise.reject(new Error('22003')) : Promise.resolve(items.map(posted))), options);
    const answers = await Promise.allSettled(['a', 'poison', 'b'].map((key) => queue.add(posting(key))));
    expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('does not ask a ledger that is away once for every transfer of the batch', async () => {
    let asked = 0;
    const queue = new PostingQueue(() => {
      asked += 1;
      return Promise.reject(unavailable('away', 'away'));
    }, options);
    const answers = await Promise.allSettled(['a', 'b', 'c'].map((key) => queue.add(posting(key))));
    expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(asked).toBe(1);
  });

  test('refuses with 503 what would wait too long', async () => {
    const queue = new PostingQueue((items) => Promise.resolve(items.map(posted)), { ...options, waitingMax: 1 });
    const first = queue.add(posting('a'));
    await expect(queue.add(posting('b'))).rejects.toBeInstanceOf(Problem);
    expect((await first).outcome).toBe('posted');
  });
});
