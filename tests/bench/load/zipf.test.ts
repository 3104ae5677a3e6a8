import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomFrom, zipf } from './zipf.ts';

function shares(count: number, exponent: number, draws: number): number[] {
  const draw = zipf(count, exponent, randomFrom(7));
  const times = Array<number>(count).fill(0);
  for (let n = 0; n < draws; n++) {
    const rank = draw();
    times[rank] = (times[rank] as number) + 1;
  }
  return times.map((n) => n / draws);
}

describe('accounts by Zipf', () => {
  test('come as often as the law says, and not as often as each other', () => {
    const weights = Array.from({ length: 50 }, (_, rank) => 1 / (rank + 1) ** 0.99);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const found = shares(50, 0.99, 200_000);
    for (const [rank, share] of found.entries()) expect(Math.abs(share - weights[rank]! / sum)).toBeLessThan(0.004);
  });

  test('with an exponent of 0 are uniform', () => {
    for (const share of shares(10, 0, 100_000)) expect(Math.abs(share - 0.1)).toBeLessThan(0.005);
  });

  test('are always accounts that there are, the last one included', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 3, noNaN: true }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (count, exponent, point) => {
      const rank = zipf(count, exponent, () => point)();
      expect(Number.isInteger(rank) && rank >= 0 && rank < count).toBe(true);
    }));
    expect(zipf(5, 0, () => 1 - Number.EPSILON)()).toBe(4);
  });

  test('of none is a mistake', () => {
    expect(() => zipf(0, 1, Math.random)).toThrow(RangeError);
  });
});

test('the same seed makes the same load', () => {
  const [one, other] = [randomFrom(42), randomFrom(42)];
  const drawn = Array.from({ length: 1000 }, () => one());
  expect(drawn).toEqual(Array.from({ length: 1000 }, () => other()));
  expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(Math.abs(drawn.reduce((sum, value) => sum + value, 0) / 1000 - 0.5)).toBeLessThan(0.05);
});
