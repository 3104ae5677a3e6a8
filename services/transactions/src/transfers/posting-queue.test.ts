import { describe, expect, test } from '@jest/globals';
import { Problem, unavailable } from '@holdfast/kit/problem';
import { PostingQueue } from './posting-queue.ts';
import type { AccountId, TransferId } from '../accounts/account-id.ts';
import { subjectOf, type Posted, type Posting } from './posting.ts';

const posting = (key: string): Posting => ({
  operation: 'transfer', kind: 'transfer', scope: 'alice', key, bucket: 0, requestHash: Buffer.alloc(32), transferId: key as TransferId, owner: 'alice', actor: 'alice', traceparent: undefined,
  legs: [{ account: 'a' as AccountId, amountMinor: -1n }, { account: 'b' as AccountId, amountMinor: 1n }],
});
const posted = (item: Posting): Posted => ({ outcome: 'posted', replayed: false, subjectId: subjectOf(item), postedAt: '' });
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
    expect(answers.map((answer) => answer.subjectId)).toEqual(['a', 'b', 'c']);
    expect(sizes).toEqual([3, 2]);
  });

  test('answers "in flight" to a key that is on its way, and takes it again afterwards', async () => {
    const queue = new PostingQueue((items) => Promise.resolve(items.map(posted)), options);
    const [first, second] = await Promise.all([queue.add(posting('same')), queue.add(posting('same'))]);
    expect([first.outcome, second.outcome]).toEqual(['posted', 'idempotency_in_flight']);
    expect((await queue.add(posting('same'))).outcome).toBe('posted');
  });

  test('does not let one poisoned transfer sink its batch, and finds it by halves', async () => {
    const sizes: number[] = [];
    const queue = new PostingQueue((items) => {
      sizes.push(items.length);
      return items.some((item) => item.key === 'poison') ? Promise.reject(new Error('22003')) : Promise.resolve(items.map(posted));
    }, options);
    const answers = await Promise.allSettled(['a', 'b', 'c', 'poison', 'd', 'e', 'f', 'g'].map((key) => queue.add(posting(key))));
    expect(answers.flatMap((answer, index) => (answer.status === 'rejected' ? index : []))).toEqual([3]);
    expect(sizes).toEqual([8, 4, 2, 2, 1, 1, 4]);
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

  test('tells each of many that came together its own fate', async () => {
    const queue = new PostingQueue((items) => (items.some((item) => item.key === 'poison') ? Promise.reject(new Error('22003')) : Promise.resolve(items.map(posted))), options);
    const answers = await queue.addMany(['a', 'poison', 'a', 'b'].map(posting));
    expect(answers).toMatchObject([{ posted: { outcome: 'posted' } }, { cause: new Error('22003') }, { posted: { outcome: 'idempotency_in_flight' } }, { posted: { subjectId: 'b' } }]);
    expect(await queue.addMany([])).toEqual([]);
  });

  test('refuses a bulk that does not fit whole, and keeps nothing of it', async () => {
    const queue = new PostingQueue((items) => Promise.resolve(items.map(posted)), { ...options, waitingMax: 2 });
    const answers = await queue.addMany(['a', 'b', 'c'].map(posting));
    expect(answers.map((answer) => 'cause' in answer && answer.cause instanceof Problem && answer.cause.code)).toEqual(['ledger_busy', 'ledger_busy', 'ledger_busy']);
    expect((await queue.add(posting('a'))).outcome).toBe('posted');
  });
});
