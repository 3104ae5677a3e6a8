import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import type { ApiAnswer } from '../../platform/cli/api/client.ts';
import { Platform, type Person } from '../kit/platform.ts';

let platform: Platform;
let payer: Person & { from: string; to: string };
let stranger: Person & { from: string; to: string };
let frozen: string;
let closed: string;
let dollars: string;

test.beforeAll(async () => {
  platform = await Platform.attach();
  payer = await platform.fundedCustomer(1_000n);
  stranger = await platform.fundedCustomer(1_000n);
  const operator = await platform.operator();
  [frozen, closed, dollars] = [await payer.client.openAccount('EUR'), await payer.client.openAccount('EUR'), await payer.client.openAccount('USD')];
  await operator.must('POST', `/v1/accounts/${frozen}/freeze`);
  await payer.client.must('POST', `/v1/accounts/${closed}/close`);
});

// Whatever was refused, nobody has lost or won by it.
test.afterAll(async () => {
  expect(await payer.client.must('GET', `/v1/accounts/${payer.from}`)).toMatchObject({ balance: '1000', held: '0' });
  expect(await stranger.client.must('GET', `/v1/accounts/${stranger.from}`)).toMatchObject({ balance: '1000', held: '0' });
  platform.close();
});

const unknown = '0198c0de-0000-8000-8000-000000000000';
const plain = (more: object = {}) => ({ debit_account: payer.from, credit_account: payer.to, amount: '1', currency: 'EUR', ...more });
const legs = (...all: [string, string, unknown][]) => ({ legs: all.map(([account, side, amount]) => ({ account, side, amount })) });

/** What is wrong -> the transfer, and the status and code that it must get. Made late, as the accounts are. */
const refusals: Record<string, () => [object, number, string]> = {
  'an amount below zero': () => [plain({ amount: '-5' }), 400, 'invalid_request'],
  'an amount of zero': () => [plain({ amount: '0' }), 422, 'amount_not_positive'],
  'an amount over 2^63': () => [plain({ amount: '9223372036854775808' }), 400, 'invalid_request'],
  'an amount of a hundred digits': () => [plain({ amount: '9'.repeat(100) }), 400, 'invalid_request'],
  'an amount with decimals': () => [plain({ amount: '1.50' }), 400, 'invalid_request'],
  'an amount in words of a computer': () => [plain({ amount: '1e3' }), 400, 'invalid_request'],
  'an amount as a JSON number': () => [plain({ amount: 5 }), 400, 'invalid_request'],
  'the largest amount, which nobody has': () => [plain({ amount: '9223372036854775807' }), 422, 'exceeds_balance'],
  'a currency that is none': () => [plain({ currency: 'XXX' }), 400, 'invalid_request'],
  'a currency that the accounts are not in': () => [plain({ currency: 'USD' }), 422, 'currency_differs'],
  'an account in another currency': () => [plain({ credit_account: dollars }), 422, 'currency_differs'],
  'an account that is not there': () => [plain({ debit_account: unknown }), 404, 'account_unknown'],
  'an id that is none of ours': () => [plain({ debit_account: randomUUID() }), 404, 'account_unknown'],
  'an id that is no id': () => [plain({ debit_account: "' OR 1=1 --" }), 400, 'invalid_request'],
  "somebody else's account": () => [plain({ debit_account: stranger.from }), 404, 'account_unknown'],
  'an account of the platform': () => [plain({ credit_account: 'fees' }), 404, 'account_unknown'],
  'a frozen account': () => [plain({ credit_account: frozen }), 409, 'account_frozen'],
  'a closed account': () => [plain({ credit_account: closed }), 409, 'account_closed'],
  'the same account on both sides': () => [plain({ credit_account: payer.from }), 422, 'same_account'],
  'a member that nobody knows': () => [plain({ amout: '5' }), 400, 'invalid_request'],
  'a text with a control character': () => [plain({ reference: 'a\u0000b' }), 400, 'invalid_request'],
  'a reference of 141 characters': () => [plain({ reference: 'x'.repeat(141) }), 400, 'invalid_request'],
  'metadata of 5 kB': () => [plain({ metadata: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`k${n}`, 'x'.repeat(500)])) }), 400, 'invalid_request'],
  'a number in metadata': () => [plain({ metadata: { total: 12.5 } }), 400, 'invalid_request'],
  'legs that do not balance': () => [legs([payer.from, 'debit', '5'], [payer.to, 'credit', '4']), 422, 'legs_unbalanced'],
  'one leg': () => [legs([payer.from, 'debit', '5']), 422, 'too_few_legs'],
  '51 legs': () => [legs(...Array.from({ length: 51 }, (): [string, string, string] => [payer.from, 'debit', '1'])), 422, 'too_many_legs'],
  'a leg of nothing': () => [legs([payer.from, 'debit', '5'], [payer.to, 'credit', '5'], [dollars, 'credit', '0']), 422, 'leg_zero'],
  'an account in two legs': () => [legs([payer.from, 'debit', '5'], [payer.to, 'credit', '4'], [payer.to, 'credit', '1']), 422, 'same_account'],
  "a leg that debits somebody else's account": () => [legs([stranger.from, 'debit', '5'], [payer.to, 'credit', '5']), 404, 'account_unknown'],
  'a side that is none': () => [legs([payer.from, 'left', '5'], [payer.to, 'credit', '5']), 400, 'invalid_request'],
  'an amount as a JSON number in a leg': () => [legs([payer.from, 'debit', 5], [payer.to, 'credit', '5']), 400, 'invalid_request'],
};

function isProblem(answer: ApiAnswer, status: number, code: string): void {
  expect([answer.status, answer.body['code']]).toEqual([status, code]);
  expect(String(answer.headers['content-type'])).toContain('application/problem+json');
}

for (const [what, make] of Object.entries(refusals)) {
  test(`a transfer with ${what} could be posted, or answered by a riddle`, async () => {
    const [body, status, code] = make();
    const answer = await payer.client.post<Record<string, unknown>>('/v1/transfers', body);
    isProblem(answer, status, code);
    if (code !== 'invalid_request') return;
    expect(answer.body['errors']).toEqual([expect.objectContaining({ path: expect.any(String), message: expect.any(String) })]);
  });
}

test('a JSON number for money could be refused without saying why', async () => {
  const answer = await payer.client.post<Record<string, unknown>>('/v1/transfers', plain({ amount: 12.5 }));
  expect(answer.body['detail']).toContain('a JSON number is refused, as it can lose digits');
});

for (const [what, key, code] of [['no key', undefined, 'idempotency_key_missing'], ['a key of 300 characters', 'k'.repeat(300), 'idempotency_key_malformed']] as const) {
  test(`a transfer with ${what} could be posted`, async () => {
    isProblem(await payer.client.call('POST', '/v1/transfers', plain(), key === undefined ? {} : { 'idempotency-key': key }), 400, code);
  });
}

test('what is no JSON, or too much of it, could reach a service or fell it', async () => {
  const send = (text: string, headers: Record<string, string> = {}) => payer.client.callWithText('POST', '/v1/transfers', text, { 'idempotency-key': randomUUID(), ...headers });
  for (const text of ['{"debit_account": "', '', '[]', 'null', '"x"', '{"__proto__": {"amount": "5"}}', '\ud800']) {
    expect((await send(text)).status, JSON.stringify(text)).toBe(400);
  }
  expect((await send('{}', { 'content-type': 'text/plain' })).status).toBe(415);
  const large = await send(JSON.stringify(plain({ reference: 'x'.repeat(3_000_000) })));
  expect(large.status).toBe(413);
  expect(await payer.client.must('GET', `/v1/accounts/${payer.from}`)).toMatchObject({ balance: '1000' });
});

test('a batch of 1,001 could be taken, or one of none', async () => {
  const item = () => ({ idempotency_key: randomUUID(), ...plain() });
  isProblem(await payer.client.call('POST', '/v1/transfers/batch', { items: Array.from({ length: 1_001 }, item) }), 422, 'batch_too_large');
  isProblem(await payer.client.call('POST', '/v1/transfers/batch', { items: [] }), 422, 'batch_empty');
  isProblem(await payer.client.call('POST', '/v1/transfers/batch', { items: 'all' }), 400, 'invalid_request');
});

test('a customer could do what is an operator\'s', async () => {
  for (const [method, path, body] of [
    ['POST', 'freeze', undefined], ['POST', 'unfreeze', undefined], ['PUT', 'overdraft-limit', { overdraft_limit: '100' }], ['POST', 'withdrawals', { amount: '1' }],
  ] as const) {
    isProblem(await payer.client.call(method, `/v1/accounts/${payer.from}/${path}`, body, { 'idempotency-key': randomUUID() }), 403, 'forbidden');
  }
});

test('a code could be answered that the description does not name', async () => {
  const { body } = await platform.visitor.call<{ paths: Record<string, Record<string, { responses: Record<string, { content: Record<string, { schema: { properties: { code: { enum?: string[] } } } }> }> }>> }>('GET', '/docs/openapi.json');
  const codes = body.paths['/v1/transfers']?.['post']?.responses['default']?.content['application/problem+json']?.schema.properties.code.enum ?? [];
  for (const make of Object.values(refusals)) expect(codes).toContain(make()[2]);
  for (const code of ['idempotency_key_reused', 'idempotency_in_flight', 'ledger_unavailable', 'rate_limited', 'internal', 'hold_expired', 'already_reversed']) expect(codes).toContain(code);
});
