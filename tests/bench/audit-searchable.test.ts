import { expect, test } from '@jest/globals';
import { lagsOf } from './audit-searchable.ts';

const entries = [{ sequence: 11, occurred_ms: 1_000 }, { sequence: 10, occurred_ms: 900 }, { sequence: 12, occurred_ms: 1_500 }];

test('an entry could count as found before a search found it', () => {
  expect(lagsOf(entries, [{ at_ms: 1_000, upTo: 9 }, { at_ms: 1_100, upTo: 10 }, { at_ms: 1_200, upTo: 11 }, { at_ms: 2_000, upTo: 15 }])).toEqual([200, 200, 500]);
});

test('an entry that nobody ever found could be left out of the figures', () => {
  expect(() => lagsOf(entries, [{ at_ms: 1_100, upTo: 11 }])).toThrow('entry 12 was never found');
});
