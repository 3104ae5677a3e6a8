import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bucketOf, bucketOfSubject, BUCKETS, newAccountId, newTransferId, parseAccountId } from './account-id.ts';

const bucket = fc.integer({ min: 0, max: BUCKETS - 1 });

describe('an account id', () => {
  test('carries its bucket through text and upper case', () => {
    fc.assert(fc.property(bucket, (number) => {
      const id = newAccountId(number);
      expect(bucketOf(id)).toBe(number);
      expect(parseAccountId(id.toUpperCase())).toBe(id);
      expect(bucketOf(newTransferId(number))).toBe(number);
    }));
  });

  test('is a UUID of version 8 and variant 10, with the time first', () => {
    const id = newAccountId(1023, 0x0123456789ab);
    expect(id).toMatch(/^01234567-89ab-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('sorts by age as text', () => {
    fc.assert(fc.property(bucket, bucket, fc.nat(), fc.integer({ min: 1, max: 1e9 }), (one, other, time, later) => {
      expect(newAccountId(one, time) < newAccountId(other, time + later)).toBe(true);
    }));
  });

  test.each(['', 'not-a-uuid', '0198c0de-0000-7000-8000-000000000000', '0198c0de-0000-8000-c000-000000000000', "0198c0de-0000-8000-8000-000000000000'"])(
    'refuses %j, which is none of ours', (text) => expect(parseAccountId(text)).toBeUndefined());

  test('refuses a bucket that does not exist', () => {
    expect(() => newAccountId(1024)).toThrow('bucket 1024');
    expect(() => newAccountId(-1)).toThrow('bucket -1');
  });
});

test('subjects spread evenly over the buckets, so that no shard fills first', () => {
  const counts = new Array<number>(16).fill(0);
  for (let index = 0; index < 16_000; index += 1) counts[bucketOfSubject(`subject-${index}`) >> 6]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
});
