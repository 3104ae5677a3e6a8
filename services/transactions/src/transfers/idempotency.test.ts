import { expect, test } from '@jest/globals';
import { hashOfRequest, idempotencyKeyOf } from './idempotency.ts';

test.each([[undefined, 'idempotency_key_missing'], ['', 'idempotency_key_missing'], ['x'.repeat(256), 'idempotency_key_malformed'], ['k\u00e9y', 'idempotency_key_malformed'], ['a\nb', 'idempotency_key_malformed']])(
  'the key %j is refused', (header, refused) => expect(idempotencyKeyOf(header)).toEqual({ refused }));

test('a key is taken as it is', () => expect(idempotencyKeyOf('Order 66/1')).toBe('Order 66/1'));

test('values that run together differ still', () => {
  expect(hashOfRequest('transfer', ['1', '23'])).not.toEqual(hashOfRequest('transfer', ['12', '3']));
  expect(hashOfRequest('transfer', ['a', null])).not.toEqual(hashOfRequest('transfer', ['a', 'null']));
  expect(hashOfRequest('transfer', ['a'])).toEqual(hashOfRequest('transfer', ['a']));
});
