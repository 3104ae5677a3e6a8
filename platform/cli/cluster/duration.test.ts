import { expect, test } from '@jest/globals';
import { acceptedForMs } from './duration.ts';
import { longestGapMs } from './gap.ts';

test.each([['30m', 1_800_000], ['4h', 14_400_000], ['7d', 604_800_000]])('%s is as long as it says', (text, duration_ms) => {
  expect(acceptedForMs(text)).toBe(duration_ms);
});

test.each(['', '4', 'h', '0h', '-4h', '1.5h', '4 h', '4w', '8d', '169h', '99999999h'])('"%s" is refused', (text) => {
  expect(() => acceptedForMs(text)).toThrow();
});

test.each([[[], undefined], [[5], undefined], [[5, 25, 1_625, 1_640], 1_600]])('of the acknowledgements at %j the longest pause is %s ms', (times, gap) => {
  expect(longestGapMs(times)).toBe(gap);
});
