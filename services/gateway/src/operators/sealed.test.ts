import { expect, test } from '@jest/globals';
import { seal, unseal } from './sealed.ts';

const NOW_MS = 1_800_000_000_000;
const sealed = seal('a secret', 'session', { subject: 'alice' }, NOW_MS + 1);

test('what was sealed opens until it expires, and no longer', () => {
  expect(unseal('a secret', 'session', sealed, NOW_MS)).toEqual({ subject: 'alice' });
  expect(unseal('a secret', 'session', sealed, NOW_MS + 1)).toBeUndefined();
});

test('another secret or another purpose would open it', () => {
  expect(unseal('another secret', 'session', sealed, NOW_MS)).toBeUndefined();
  expect(unseal('a secret', 'sign-in', sealed, NOW_MS)).toBeUndefined();
});

test('any one bit could be changed, or the end cut off', () => {
  const bytes = Buffer.from(sealed, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(unseal('a secret', 'session', changed.toString('base64url'), NOW_MS)).toBeUndefined();
  }
  for (let length = 0; length < bytes.length; length++) expect(unseal('a secret', 'session', bytes.subarray(0, length).toString('base64url'), NOW_MS)).toBeUndefined();
});

test('the same twice would look the same', () => {
  expect(seal('a secret', 'session', { subject: 'alice' }, NOW_MS + 1)).not.toBe(sealed);
});
