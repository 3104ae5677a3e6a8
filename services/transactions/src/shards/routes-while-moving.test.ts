import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Repeat } from '@holdfast/kit/repeat';
import { problemOf, refuse } from '@holdfast/kit/problem';
import { startRoutes } from '@holdfast/kit/testing/routes';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { PostBatch } from '../transfers/post-batch.ts';
import { PostTransfer } from '../transfers/post-transfer.ts';
import { refusals, type LedgerRefusal } from '../transfers/refusals.ts';
import { ReverseTransfer } from '../transfers/reverse-transfer.ts';
import { ShowTransfer } from '../transfers/show-transfer.ts';
import { TransfersController } from '../transfers/transfers.controller.ts';
import { Ledger } from './ledger.ts';

let app: Awaited<ReturnType<typeof startRoutes>>;
let asked: unknown[] = [];
/** What the ledger says, one after the other; the last for ever. */
let answers: (LedgerRefusal | { status: string })[] = [];

beforeAll(async () => {
  const ledger = new Ledger([]);
  const transfers = {
    post: (_caller: unknown, key: string, request: unknown) => {
      asked.push([key, request]);
      const [said] = answers.length > 1 ? answers.splice(0, 1) : answers;
      return Promise.resolve(typeof said === 'string' ? refuse(said) : { body: said, replayed: false });
    },
  };
  app = await startRoutes([TransfersController], [
    { provide: PostTransfer, useValue: transfers }, { provide: PostBatch, useValue: {} }, { provide: ReverseTransfer, useValue: {} }, { provide: ShowTransfer, useValue: {} },
    { provide: APP_INTERCEPTOR, useValue: new Repeat((attempt) => ledger.whereverItIs(attempt)) },
  ]);
});

beforeEach(() => { asked = []; });

afterAll(() => app?.close());

const pay = () => app.inject({
  method: 'POST', url: '/v1/transfers', headers: { authorization: 'Bearer somebody.customer', 'idempotency-key': 'one' },
  payload: { debit_account: randomUUID(), credit_account: randomUUID(), amount: '1', currency: 'EUR' },
});

test('a request about a bucket that moves is handled again, as it came, until it is there', async () => {
  answers = ['bucket_moved', 'bucket_moved', { status: 'posted' }];
  const answer = await pay();
  expect([answer.statusCode, answer.json()]).toEqual([201, { status: 'posted' }]);
  expect(asked).toHaveLength(3);
  expect(asked[2]).toEqual(asked[0]);
});

test('a request that is refused for anything else is handled once', async () => {
  answers = ['exceeds_balance'];
  expect((await pay()).statusCode).toBe(422);
  expect(asked).toHaveLength(1);
});

test('what is on its way to another shard is answered with 202', async () => {
  answers = [{ status: 'pending' }];
  expect((await pay()).statusCode).toBe(202);
});

test('a bucket that does not arrive ends in 503, and with when to ask again', () => {
  expect(problemOf(refusals, refuse('bucket_moved'))).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
});
