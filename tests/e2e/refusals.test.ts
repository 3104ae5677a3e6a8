import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { Platform } from '../kit/platform.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('a retry could post a transfer twice, or another body could ride on its key', async () => {
  const { client, from, to } = await platform.fundedCustomer(1_000n);
  const key = randomUUID();
  const first = await client.transfer({ from, to, amountMinor: 400n, currency: 'EUR' }, key);
  const again = await client.transfer({ from, to, amountMinor: 400n, currency: 'EUR' }, key);
  expect(first.status).toBe(201);
  expect(again.status).toBe(201);
  expect(again.body).toEqual(first.body);
  expect(again.headers['idempotency-replayed']).toBe('true');
  const other = await client.transfer({ from, to, amountMinor: 401n, currency: 'EUR' }, key);
  expect(other.status).toBe(422);
  expect(other.body.code).toBe('idempotency_key_reused');
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '600' });
});

test('an account could be overdrawn', async () => {
  const { client, from, to } = await platform.fundedCustomer(100n);
  const answer = await client.transfer({ from, to, amountMinor: 101n, currency: 'EUR' });
  expect(answer.status).toBe(422);
  expect(answer.body.code).toBe('exceeds_balance');
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '100' });
});

test('a stranger could see or move another person\'s money', async () => {
  const owner = await platform.fundedCustomer(500n);
  const stranger = await platform.newCustomer();
  const own = await stranger.client.openAccount('EUR');
  expect([403, 404]).toContain((await stranger.client.call('GET', `/v1/accounts/${owner.from}`)).status);
  expect([403, 404]).toContain((await stranger.client.call('GET', `/v1/accounts/${owner.from}/entries`)).status);
  expect([403, 404]).toContain((await stranger.client.call('GET', `/v1/reports/accounts/${owner.from}/statement`)).status);
  const theft = await stranger.client.transfer({ from: owner.from, to: own, amountMinor: 1n, currency: 'EUR' });
  expect([403, 404]).toContain(theft.status);
  expect(await owner.client.must('GET', `/v1/accounts/${owner.from}`)).toMatchObject({ balance: '500' });
});

test('the API could answer without a token, or to one that was tampered with', async () => {
  for (const path of ['/v1/accounts', '/v1/users/me', '/v1/reports/balances', '/v1/audit/entries']) {
    expect((await platform.visitor.call('GET', path)).status).toBe(401);
    expect((await platform.visitor.call('GET', path, undefined, { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' })).status).toBe(401);
  }
});

test('a customer could read the audit trail or pay himself money in', async () => {
  const { client, from } = await platform.fundedCustomer(1n);
  expect((await client.call('GET', '/v1/audit/entries')).status).toBe(403);
  expect((await client.call('POST', `/v1/accounts/${from}/deposits`, { amount: '100' }, { 'idempotency-key': randomUUID() })).status).toBe(403);
});

test('money could arrive as a floating-point number', async () => {
  const { client, from, to } = await platform.fundedCustomer(100n);
  const answer = await client.call('POST', '/v1/transfers', { debit_account: from, credit_account: to, amount: 0.1, currency: 'EUR' }, { 'idempotency-key': randomUUID() });
  expect(answer.status).toBe(400);
  expect(JSON.stringify(answer.body)).toContain('string');
  expect(answer.headers['content-type']).toContain('application/problem+json');
});

test('metrics and health could be read from outside', async () => {
  for (const path of ['/metrics', '/health/ready', '/auth/metrics', '/auth/health']) {
    expect((await platform.visitor.call('GET', path)).status, path).not.toBe(200);
  }
});

test('one caller could take the platform from the others', async () => {
  const { client } = await platform.newCustomer();
  let limited: Awaited<ReturnType<typeof client.call>> | undefined;
  for (let index = 0; index < 1_500 && !limited; index++) {
    const answer = await client.call('GET', '/v1/accounts');
    if (answer.status === 429) limited = answer;
  }
  expect(limited, 'no request of 1,500 was limited').toBeDefined();
  expect(Number(limited!.headers['retry-after'])).toBeGreaterThan(0);
  const { client: other } = await platform.newCustomer();
  expect((await other.call('GET', '/v1/accounts')).status).toBe(200);
});
