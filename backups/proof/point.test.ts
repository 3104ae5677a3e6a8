import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { millisecondsOf } from '../../platform/cli/recover/cut.ts';
import { randomSecond, settledBefore } from './point.ts';

const END = '2026-01-31 12:00:00.500000+00';
const backupEnded = (clock: string): number => Date.parse(`${clock}Z`);

describe('a random second of the last day', () => {
  test('one before the backups, before the last day or after the end could be chosen', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 200_000 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (one, other, chance) => {
      const ends = [one, other].map((age) => millisecondsOf(END) - age * 1000);
      const chosen = randomSecond(ends, END, (below) => Math.floor(chance * below));
      if (chosen === undefined) return Math.min(one, other) < 4;
      const at = millisecondsOf(chosen);
      return at > Math.max(...ends) && at < millisecondsOf(END) && at >= millisecondsOf(END) - 86_401_000;
    }));
  });

  test('the same second could be chosen every day', () => {
    const chosen = new Set(Array.from({ length: 30 }, () => randomSecond([backupEnded('2026-01-30T00:00:00')], END)));
    expect(chosen.size).toBeGreaterThan(20);
  });

  test('after a backup that has just ended there is none', () => {
    expect(randomSecond([backupEnded('2026-01-31T11:59:59')], END)).toBeUndefined();
    expect(randomSecond([backupEnded('2026-01-30T00:00:00'), Infinity], END)).toBeUndefined();
  });
});

test('transactions that were under way at a moment could count as settled', () => {
  expect(settledBefore(END)).toBe('2026-01-31 11:59:00.000000+00');
});
