import { expect, test } from '@jest/globals';
import { seen } from './figures.ts';

test('writes resume at the end of the longest gap after the fault, not with what was answered while it struck', () => {
  expect(seen([900, 990, 1_010, 1_020, 3_520, 3_530, 4_000], 1_000)).toEqual({ resumed_ms: 2_520, gap_ms: 2_500 });
});

test('a gap that began before the fault counts whole', () => {
  expect(seen([900, 2_000, 2_010], 1_000)).toEqual({ resumed_ms: 1_000, gap_ms: 1_100 });
});

test('the order in which answers were written down does not matter', () => {
  expect(seen([3_530, 990, 1_010, 3_520], 1_000)).toEqual({ resumed_ms: 2_520, gap_ms: 2_510 });
});

test('without an acknowledgement after the fault nothing has resumed', () => {
  expect(seen([900, 990], 1_000)).toBeUndefined();
});
