import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startRoutes } from '@holdfast/kit/testing/routes';
import { randomUUID } from 'node:crypto';
import { AccountChangesController } from './accounts/account-changes.controller.ts';
import { AccountHistory } from './accounts/account-history.ts';
import { Accounts } from './accounts/accounts.ts';
import { AccountsController } from './accounts/accounts.controller.ts';
import { ChangeAccount } from './accounts/change-account.ts';
import { CaptureHold } from './holds/capture-hold.ts';
import { Holds } from './holds/holds.ts';
import { HoldsController } from './holds/holds.controller.ts';
import { PlaceHold } from './holds/place-hold.ts';
import { VoidHold } from './holds/void-hold.ts';
import { ThrowawayLedger } from './testing/throwaway-ledger.ts';
import { BookCash } from './transfers/book-cash.ts';
import { PostBatch } from './transfers/post-batch.ts';
import { PostTransfer } from './transfers/post-transfer.ts';
import { ReverseTransfer } from './transfers/reverse-transfer.ts';
import { ShowTransfer } from './transfers/show-transfer.ts';
import { TransfersController } from './transfers/transfers.controller.ts';

let ledger: ThrowawayLedger;
let app: Awaited<ReturnType<typeof startRoutes>>;

beforeAll(async () => {
  ledger = await ThrowawayLedger.start();
  app = await startRoutes([AccountsController, AccountChangesController, TransfersController, HoldsController], [
    { provide: Accounts, useValue: ledger.accounts }, { provide: AccountHistory, useValue: ledger.history }, { provide: ChangeAccount, useValue: ledger.changes },
    { provide: BookCash, useValue: ledger.cash }, { provide: PostTransfer, useValue: ledger.transfers }, { provide: PostBatch, useValue: ledger.batches },
    { provide: ReverseTransfer, useValue: ledger.reversals }, { provide: ShowTransfer, useValue: ledger.shown }, { provide: Holds, useValue: ledger.holds },
    { provide: PlaceHold, useValue: ledger.placing }, { provide: CaptureHold, useValue: ledger.capturing }, { provide: VoidHold, useValue: ledger.voiding },
  ]);
}, 120_000);

afterAll(async () => {
  await app?.close();
  await ledger?.stop();
});

interface Answer { status: number; body: Record<string, unknown>; replayed: boolean }

function as(token: string) {
  return async (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, key?: string): Promise<Answer> => {
    const answer = await app.inject({ method, url, ...(payload && { payload }), headers: { authorization: `Bearer ${token}`, ...(key !== undefined && { 'idempotency-key': key }) } });
    return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), replayed: answer.headers['idempotency-replayed'] === 'true' };
  };
}

const operator = as('clerk.operator');

async function fundedCustomer() {
  const call = as(`${randomUUID()}.customer`);
  const [from, to] = [(await call('POST', '/v1/accounts', { currency: 'EUR' })).body['id'], (await call('POST', '/v1/accounts', { currency: 'EUR' })).body['id']];
  expect((await operator('POST', `/v1/accounts/${from}/deposits`, { amount: '1000' }, randomUUID())).status).toBe(201);
  return { call, from: String(from), to: String(to) };
}

test('every route answers with the status that it describes, and again the same to the same key', async () => {
  const { call, from, to } = await fundedCustomer();
  const key = randomUUID();
  const statuses: Record<string, number> = {};
  const told = async (name: string, answer: Promise<Answer>): Promise<Record<string, unknown>> => {
    const { status, body } = await answer;
    statuses[name] = status;
    return body;
  };
  const transfer = { debit_account: from, credit_account: to, amount: '100', currency: 'EUR' };
  const posted = await told('transfer', call('POST', '/v1/transfers', transfer, key));
  expect(await call('POST', '/v1/transfers', transfer, key)).toEqual({ status: 201, body: posted, replayed: true });
  expect(await told('transfer shown', call('GET', `/v1/transfers/${posted['id']}`))).toEqual(posted);
  await told('reversal', call('POST', `/v1/transfers/${posted['id']}/reverse`, {}, randomUUID()));
  await told('batch', call('POST', '/v1/transfers/batch', { items: [{ ...transfer, idempotency_key: randomUUID() }, { ...transfer, idempotency_key: '' }] }));
  const hold = await told('hold', call('POST', '/v1/holds', transfer, randomUUID()));
  expect(await told('hold shown', call('GET', `/v1/holds/${hold['id']}`))).toEqual(hold);
  await told('capture', call('POST', `/v1/holds/${hold['id']}/capture`, { amount: '60' }, randomUUID()));
  const other = await told('hold', call('POST', '/v1/holds', transfer, randomUUID()));
  await told('void', call('POST', `/v1/holds/${other['id']}/void`, undefined, randomUUID()));
  for (const path of ['', '/balance', `/balance?as_of=${posted['created_at']}`, '/entries?limit=2', '/statement?limit=2', `/statement?from=${posted['created_at']}`]) {
    await told(`account${path.split('=')[0]}`, call('GET', `/v1/accounts/${from}${path}`));
  }
  await told('accounts', call('GET', '/v1/accounts'));
  await told('metadata', call('PUT', `/v1/accounts/${from}/metadata`, { metadata: { a: 'b' } }));
  await told('freeze', operator('POST', `/v1/accounts/${to}/freeze`));
  await told('unfreeze', operator('POST', `/v1/accounts/${to}/unfreeze`));
  await told('limit', operator('PUT', `/v1/accounts/${to}/overdraft-limit`, { overdraft_limit: '5' }));
  await told('withdrawal', operator('POST', `/v1/accounts/${to}/withdrawals`, { amount: '160' }, randomUUID()));
  await told('close', call('POST', `/v1/accounts/${to}/close`));
  expect(statuses).toEqual({
    'transfer': 201, 'transfer shown': 200, 'reversal': 201, 'batch': 200, 'hold': 201, 'hold shown': 200, 'capture': 201, 'void': 200, 'account': 200, 'account/balance': 200,
    'account/balance?as_of': 200, 'account/entries?limit': 200, 'account/statement?limit': 200, 'account/statement?from': 200, 'accounts': 200, 'metadata': 200, 'freeze': 200,
    'unfreeze': 200, 'limit': 200, 'withdrawal': 201, 'close': 200,
  });
});

describe('a text that no program would send', () => {
  const texts = ['', ' ', '0', '-1', 'null', "'", '"', '%00', '\u0000', '\ud800', '🦕', '../..', 'NaN', '1e400', '9'.repeat(40), '0000-00-00T00:00:00Z', '9999-12-31T23:59:59+23:59', '{}', '[]', 'x'.repeat(500)];

  test('in an address could be a bug of ours', async () => {
    const { call, from } = await fundedCustomer();
    for (const text of texts) {
      const word = encodeURIComponent(text.toWellFormed());
      for (const path of [
        `${from}/balance?as_of=${word}`, `${from}/entries?cursor=${word}`, `${from}/entries?limit=${word}`, `${from}/statement?from=${word}`, `${from}/statement?to=${word}`,
        `${from}/statement?cursor=${word}`, `${word}/balance`,
      ]) expect([path, (await call('GET', `/v1/accounts/${path}`)).status < 500]).toEqual([path, true]);
      for (const path of [`/v1/transfers/${word}`, `/v1/holds/${word}`, `/v1/accounts?cursor=${word}`]) expect((await call('GET', path)).status).toBeLessThan(500);
    }
  });

  test('in any member of a body could be a bug of ours', async () => {
    const { call, from, to } = await fundedCustomer();
    const whole = { debit_account: from, credit_account: to, amount: '1', currency: 'EUR', reference: 'r', external_reference: 'e', metadata: { a: 'b' }, expires_at: new Date(Date.now() + 60_000).toISOString() };
    const { expires_at: _, ...plain } = whole;
    for (const value of [...texts, null, 1, -0.5, true, {}, [], [[]], { a: {} }]) {
      for (const member of Object.keys(plain)) expect((await call('POST', '/v1/transfers', { ...plain, [member]: value }, randomUUID())).status).toBeLessThan(500);
      for (const member of Object.keys(whole)) expect((await call('POST', '/v1/holds', { ...whole, [member]: value }, randomUUID())).status).toBeLessThan(500);
      const { debit_account: _debit, credit_account: _credit, amount: _amount, ...notes } = plain;
      const leg = { account: from, side: 'debit', amount: '1' };
      for (const member of Object.keys(leg)) {
        expect((await call('POST', '/v1/transfers', { ...notes, legs: [{ ...leg, [member]: value }, { account: to, side: 'credit', amount: '1' }] }, randomUUID())).status).toBeLessThan(500);
      }
      expect((await call('POST', '/v1/transfers', { ...plain, legs: value }, randomUUID())).status).toBe(400);
      expect((await call('POST', '/v1/transfers/batch', { items: [value] })).status).toBe(200);
    }
  }, 60_000);
});
