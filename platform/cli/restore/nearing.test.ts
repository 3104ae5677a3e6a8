import { expect, test } from '@jest/globals';
import { nearing } from './nearing.ts';

/** At which of these moments, in seconds, it was told that 6 s are left. */
function toldAt(progress: readonly (readonly [at_s: number, percent: number])[]): number[] {
  const told: number[] = [];
  let now_s = 0;
  const at = nearing(6_000, () => told.push(now_s), () => now_s * 1_000);
  for (const [at_s, percent] of progress) {
    now_s = at_s;
    at(percent);
  }
  return told;
}

test('a copy of minutes could have all stopped at its beginning', () => {
  expect(toldAt([[0, 0], [1, 0.5], [60, 30], [180, 90], [192, 96], [195, 97.5], [200, 100]])).toEqual([195]);
});

test('a short copy could be over before anything is stopped', () => {
  expect(toldAt([[0, 3], [0.5, 10], [1, 20], [1.5, 30]])).toEqual([1]);
});

test('nothing copied yet could be taken for nearly all', () => {
  expect(toldAt([[0, 0], [10, 0], [20, 0]])).toEqual([]);
});
