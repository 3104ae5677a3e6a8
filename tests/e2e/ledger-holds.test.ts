import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { EVERYWHERE, HOLD_RELEASED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('money that is promised could be spent, captured twice, or taken by somebody else', async () => {
  const payer = await platform.fundedCustomer(1_000n);
  const payee = await platform.newCustomer();
  const shop = await payee.client.openAccount('EUR');
  const key = randomUUID();
  const held = await payer.client.hold({ from: payer.from, to: shop, amountMinor: 700n, currency: 'EUR' }, key);
  expect(held.status).toBe(201);
  expect((await payer.client.hold({ from: payer.from, to: shop, amountMinor: 700n, currency: 'EUR' }, key)).body).toEqual(held.body);
  expect(await payer.client.must('GET', `/v1/accounts/${payer.from}`)).toMatchObject({ balance: '1000', held: '700', available: '300' });
  expect((await payer.client.transfer({ from: payer.from, to: payer.to, amountMinor: 301n, currency: 'EUR' })).body.code).toBe('exceeds_balance');
  await within(EVERYWHERE, 'the report to show what is held', async () => {
    const { balances } = await payer.client.must<{ balances: { account_id: string; held: string; available: string }[] }>('GET', '/v1/reports/balances');
    return balances.find(({ account_id, held: now, available }) => account_id === payer.from && now === '700' && available === '300');
  });

  const path = `/v1/holds/${held.body.id}`;
  const stranger = await platform.newCustomer();
  expect((await stranger.client.call('GET', path)).status).toBe(404);
  for (const who of [payer, stranger]) expect((await who.client.post(`${path}/capture`)).body.code).toBe('hold_unknown');
  expect((await payee.client.post(`${path}/capture`, { amount: '701' })).body.code).toBe('capture_exceeds_hold');
  const captureKey = randomUUID();
  const captured = await payee.client.post(`${path}/capture`, { amount: '500' }, captureKey);
  expect(captured.status).toBe(201);
  expect(captured.body).toMatchObject({ kind: 'capture', amount: '500', hold: held.body.id });
  expect((await payee.client.post(`${path}/capture`, { amount: '500' }, captureKey)).headers['idempotency-replayed']).toBe('true');
  expect((await payee.client.post(`${path}/capture`, { amount: '1' })).body.code).toBe('hold_not_open');
  expect((await payee.client.post(`${path}/void`)).body.code).toBe('hold_not_open');
  expect(await payer.client.must('GET', `/v1/accounts/${payer.from}`)).toMatchObject({ balance: '500', held: '0', available: '500' });
  await within(EVERYWHERE, 'the payee to have it', async () => ((await payee.client.must('GET', `/v1/accounts/${shop}`))['balance'] === '500' ? true : undefined));
});

test('a hold could outlive its time, or be captured after it', async () => {
  const { client, from, to } = await platform.fundedCustomer(1_000n);
  const expiresAt = new Date(Date.now() + 3_000).toISOString();
  const held = await client.hold({ from, to, amountMinor: 400n, currency: 'EUR', expires_at: expiresAt });
  const voided = await client.hold({ from, to, amountMinor: 100n, currency: 'EUR' });
  expect((await client.post(`/v1/holds/${voided.body.id}/void`)).status).toBe(200);
  await within(3_000 + HOLD_RELEASED, 'the hold to end by itself', async () => ((await client.must('GET', `/v1/holds/${held.body.id}`))['status'] === 'expired' ? true : undefined));
  const late = await client.post(`/v1/holds/${held.body.id}/capture`);
  expect(['hold_expired', 'hold_not_open']).toContain(late.body.code);
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '1000', held: '0', available: '1000' });
  expect((await client.hold({ from, to, amountMinor: 1n, currency: 'EUR', expires_at: '2020-01-01T00:00:00Z' })).body.code).toBe('expires_at_out_of_range');
});

test('a reversal could be done twice, or by who paid', async () => {
  const { client, from, to } = await platform.fundedCustomer(1_000n);
  const operator = await platform.operator();
  const posted = await client.transfer({ from, to, amountMinor: 250n, currency: 'EUR' });
  const path = `/v1/transfers/${posted.body.id}/reverse`;
  const stranger = await platform.newCustomer();
  expect((await stranger.client.post(path)).body.code).toBe('transfer_unknown');
  const key = randomUUID();
  const reversed = await client.post(path, { reference: 'sent back' }, key);
  expect(reversed.body).toMatchObject({ kind: 'reversal', reverses: posted.body.id, amount: '250', debit_account: to, credit_account: from });
  expect((await client.post(path, { reference: 'sent back' }, key)).headers['idempotency-replayed']).toBe('true');
  expect((await operator.post(path)).body.code).toBe('already_reversed');
  expect((await operator.post(`/v1/transfers/${reversed.body.id}/reverse`)).body.code).toBe('reversal_of_reversal');
  expect(await client.must('GET', `/v1/transfers/${posted.body.id}`)).toMatchObject({ reversed_by: reversed.body.id });
  expect(await client.must('GET', `/v1/accounts/${from}`)).toMatchObject({ balance: '1000' });
});
