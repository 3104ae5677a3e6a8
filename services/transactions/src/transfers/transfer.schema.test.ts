import { expect, test } from '@jest/globals';
import { metadataText } from '../metadata.ts';
import { BatchItem, PostTransferRequest } from './transfer.schema.ts';

const account = '0198c0de-0000-8000-8000-000000000000';
const plain = { debit_account: account, credit_account: account, amount: '1', currency: 'EUR' };
const leg = { account, side: 'debit', amount: '1' };

function faults(value: unknown): string[] {
  const result = PostTransferRequest.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('both forms of a transfer are taken, alone and in a batch', () => {
  for (const request of [plain, { legs: [leg, leg] }, { ...plain, metadata: { a: 'b' }, debit_account: 'fees', credit_account: account.toUpperCase() }]) {
    expect(faults(request)).toEqual([]);
    expect(BatchItem.safeParse({ ...request, idempotency_key: 'k' }).success).toBe(true);
    expect(faults({ ...request, idempotency_key: 'k' })).toHaveLength(1);
  }
});

test.each([
  [{ ...plain, amount: 5 }, 'amount: must be a string of minor units, such as "1250" for 12.50 EUR; a JSON number is refused, as it can lose digits'],
  [{ ...plain, amount: '9223372036854775808' }, 'amount: must not be above 9223372036854775807'],
  [{ legs: [{ ...leg, amount: 5 }, leg] }, 'legs.0.amount: must be a string of minor units, such as "1250" for 12.50 EUR; a JSON number is refused, as it can lose digits'],
  [{ legs: [{ ...leg, account: 'x' }, leg] }, 'legs.0.account: must be the id of an account'],
  [{ ...plain, debit_account: undefined }, 'debit_account: must be the id of an account'],
  [{ ...plain, metadata: { a: 1 } }, 'metadata.a: Invalid input: expected string, received number'],
  [{ ...plain, reference: 'a\u0007' }, 'reference: must not hold control characters'],
])('a mistake is told in the words of the form that was meant: %j', (value, fault) => expect(faults(value)).toEqual([fault]));

test('metadata is one text, whatever the order of its names', () => {
  expect(metadataText({ b: '2', a: '1' })).toBe(metadataText({ a: '1', b: '2' }));
  expect(metadataText({ a: '1', b: '2' })).not.toBe(metadataText({ a: '2', b: '1' }));
  expect(metadataText(undefined)).toBeUndefined();
});
