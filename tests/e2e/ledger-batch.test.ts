import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { EVERYWHERE } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

interface Answer { items: { status: number; code: string | null; replayed: boolean; transfer: { id: string } | null }[] }

test('a thousand transfers in one request could be posted in part, or twice when it is repeated', async () => {
  const { client, from, to } = await platform.fundedCustomer(1_000n);
  // The longest of everything: it must still fit through the edge and the gateway.
  const items = Array.from({ length: 1_000 }, (_, index) => ({
    idempotency_key: `${randomUUID()}${'k'.repeat(219)}`, debit_account: from, credit_account: to, amount: '1', currency: 'EUR',
    reference: `${index} `.padEnd(140, 'r'), external_reference: `${index} `.padEnd(140, 'e'), metadata: { index: String(index) },
  }));
  const first = await client.call<Answer>('POST', '/v1/transfers/batch', { items });
  expect(first.status).toBe(200);
  expect(first.body.items.filter(({ status, replayed }) => status !== 201 || replayed)).toEqual([]);
  expect(new Set(first.body.items.map(({ transfer }) => transfer!.id)).size).toBe(1_000);
  const second = await client.call<Answer>('POST', '/v1/transfers/batch', { items });
  expect(second.body.items.map(({ transfer }) => transfer)).toEqual(first.body.items.map(({ transfer }) => transfer));
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '0' });
  expect(await client.must('GET', `/v1/accounts/${to}`)).toMatchObject({ balance: '1000' });
  await within(EVERYWHERE, 'the report to have all of them', async () => {
    const { balances } = await client.must<{ balances: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
    return balances.find(({ account_id, balance }) => account_id === to && balance === '1000');
  });
});

test('one bad item could take the others with it', async () => {
  const { client, from, to } = await platform.fundedCustomer(100n);
  const item = (amount: unknown, more: object = {}) => ({ idempotency_key: randomUUID(), debit_account: from, credit_account: to, amount, currency: 'EUR', ...more });
  const { status, body } = await client.call<Answer>('POST', '/v1/transfers/batch', {
    items: [item('10'), item(10), item('101'), item('10', { idempotency_key: 'k'.repeat(300) }), item('10', { idempotency_key: undefined }), 'x', item('10', { currency: 'USD' }), item('20')],
  });
  expect(status).toBe(200);
  expect(body.items.map((one) => one.code)).toEqual([
    null, 'invalid_request', 'exceeds_balance', 'idempotency_key_malformed', 'idempotency_key_missing', 'invalid_request', 'currency_differs', null,
  ]);
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '70' });
});

test('a transfer of many legs could lose a leg on its way to the statements', async () => {
  const { client, from, to } = await platform.fundedCustomer(1_000n);
  const savings = await client.openAccount('EUR');
  const posted = await client.post('/v1/transfers', {
    legs: [{ account: from, side: 'debit', amount: '100' }, { account: to, side: 'credit', amount: '60' }, { account: savings, side: 'credit', amount: '40' }],
    external_reference: 'split 1',
  });
  expect(posted.status).toBe(201);
  expect(await client.must('GET', `/v1/transfers/${posted.body.id}`)).toMatchObject({ currency: 'EUR', amount: null, external_reference: 'split 1', legs: [{ side: 'debit' }, { side: 'credit' }, { side: 'credit' }] });
  for (const [account, amount] of [[to, '60'], [savings, '40']] as const) {
    await within(EVERYWHERE, `the line of ${amount} in the report`, async () => {
      const answer = await client.call<{ lines?: { transfer_id: string; amount: string; counterparty: string | null }[] }>('GET', `/v1/reports/accounts/${account}/statement`);
      return answer.body.lines?.find((line) => line.transfer_id === posted.body.id && line.amount === amount && line.counterparty === null);
    });
  }
});
