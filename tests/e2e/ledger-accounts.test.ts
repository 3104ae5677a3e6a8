import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { Platform } from '../kit/platform.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

interface Line { number: string; amount: string; side: string; balance_after: string; created_at: string }

test('a request to open an account that is repeated could open two', async () => {
  const { client } = await platform.newCustomer();
  const key = randomUUID();
  const [first, second] = [await client.post('/v1/accounts', { currency: 'EUR', metadata: { purpose: 'rent' } }, key), await client.post('/v1/accounts', { currency: 'EUR', metadata: { purpose: 'rent' } }, key)];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body.id).toBe(first.body.id);
  expect(second.headers['idempotency-replayed']).toBe('true');
  expect((await client.post('/v1/accounts', { currency: 'USD' }, key)).body.code).toBe('idempotency_key_reused');
  expect(await client.must('GET', `/v1/accounts/${first.body.id}`)).toMatchObject({ balance: '0', held: '0', available: '0', overdraft_limit: '0', metadata: { purpose: 'rent' } });
});

test('a balance as of yesterday could be that of today, and a statement not add up', async () => {
  const { client, from, to } = await platform.fundedCustomer(1_000n);
  for (const amountMinor of [100n, 200n, 300n]) expect((await client.transfer({ from, to, amountMinor, currency: 'EUR' })).status).toBe(201);
  const { entries } = await client.must<{ entries: Line[] }>('GET', `/v1/accounts/${from}/entries`);
  expect(entries.map(({ balance_after }) => balance_after)).toEqual(['400', '700', '900', '1000']);
  for (const entry of entries) {
    expect(await client.must('GET', `/v1/accounts/${from}/balance?as_of=${entry.created_at}`)).toMatchObject({ balance: entry.balance_after, held: null });
  }
  expect(await client.must('GET', `/v1/accounts/${from}/balance`)).toMatchObject({ balance: '400', held: '0', available: '400' });
  for (const instant of ['2999-01-01T00:00:00Z', '2000-01-01T00:00:00Z']) {
    expect((await client.call('GET', `/v1/accounts/${from}/balance?as_of=${instant}`)).body['code']).toBe('as_of_out_of_range');
  }
  expect((await client.call('GET', `/v1/accounts/${from}/balance?as_of=yesterday`)).status).toBe(400);

  const period = `from=${entries[2]!.created_at}&to=${entries[0]!.created_at}`;
  const first = await client.must<{ lines: Line[]; next_cursor: string }>('GET', `/v1/accounts/${from}/statement?${period}&limit=1`);
  expect(first).toMatchObject({ opening_balance: '1000', closing_balance: '700', lines: [{ amount: '100', side: 'debit' }] });
  const second = await client.must<{ lines: Line[] }>('GET', `/v1/accounts/${from}/statement?${period}&limit=1&cursor=${first.next_cursor}`);
  expect(second).toMatchObject({ opening_balance: '1000', closing_balance: '700', lines: [{ amount: '200' }], next_cursor: null });
});

test('a frozen account could move money, or a closed one come to life again', async () => {
  const { client, from, to } = await platform.fundedCustomer(50n);
  const operator = await platform.operator();
  await operator.must('POST', `/v1/accounts/${from}/freeze`);
  expect((await client.transfer({ from, to, amountMinor: 1n, currency: 'EUR' })).body.code).toBe('account_frozen');
  expect((await client.call('POST', `/v1/accounts/${from}/close`)).body['code']).toBe('account_frozen');
  expect(await operator.must('POST', `/v1/accounts/${from}/unfreeze`)).toMatchObject({ status: 'open' });

  expect((await client.call('POST', `/v1/accounts/${from}/close`)).body['code']).toBe('account_not_empty');
  expect((await client.transfer({ from, to, amountMinor: 50n, currency: 'EUR' })).status).toBe(201);
  expect(await client.must('POST', `/v1/accounts/${from}/close`)).toMatchObject({ status: 'closed' });
  expect((await operator.call('POST', `/v1/accounts/${from}/unfreeze`)).body['code']).toBe('account_closed');
  expect((await client.transfer({ from: to, to: from, amountMinor: 1n, currency: 'EUR' })).body.code).toBe('account_closed');
});

test('an overdraft could go further than its limit, and a withdrawal take what is not there', async () => {
  const { client, from, to } = await platform.fundedCustomer(10n);
  const operator = await platform.operator();
  expect(await operator.must('PUT', `/v1/accounts/${from}/overdraft-limit`, { overdraft_limit: '50' })).toMatchObject({ available: '60' });
  expect((await client.transfer({ from, to, amountMinor: 61n, currency: 'EUR' })).body.code).toBe('exceeds_balance');
  expect((await client.transfer({ from, to, amountMinor: 60n, currency: 'EUR' })).status).toBe(201);
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '-50', available: '0' });
  expect((await operator.call('PUT', `/v1/accounts/${from}/overdraft-limit`, { overdraft_limit: '49' })).body['code']).toBe('overdraft_in_use');
  expect((await operator.post(`/v1/accounts/${to}/withdrawals`, { amount: '61' })).body.code).toBe('exceeds_balance');
  expect((await operator.post(`/v1/accounts/${to}/withdrawals`, { amount: '60', external_reference: 'SEPA 1' })).status).toBe(201);
  expect(await client.must('GET', `/v1/accounts/${to}`)).toMatchObject({ balance: '0' });
});
