import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foreignCores, median, quantile, ratioByCpu, voidBecause, type Half } from './statistics.ts';

const half = (perSecond: number, foreign: number): Half => ({ perSecond, cpu: { wall_s: 10, host_s: 15 + foreign * 10, own_s: 15 } });

describe('the middle of what was measured', () => {
  test('is a value of an odd number of them, and between two of an even number', () => {
    expect(median([5, 1, 9])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('has as many values above as below', () => {
    fc.assert(fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (values) => {
      const middle = median(values);
      expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
      expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
    }));
  });

  test('of nothing is a mistake of the caller, not zero', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('a quantile', () => {
  test('is a latency that a request really had', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
    expect(quantile([7], 0)).toBe(7);
  });

  test('of nothing is 0', () => {
    expect(quantile([], 0.99)).toBe(0);
  });
});

describe('foreign CPU', () => {
  test('in either half makes the pair void, and it is said how much', () => {
    expect(voidBecause([half(100, 0.1), half(200, 0.31)])).toBe('0.31 cores of foreign CPU');
    expect(voidBecause([half(100, 0.4), half(200, 0)])).toBe('0.40 cores of foreign CPU');
  });

  test('up to a quarter of a core is borne', () => {
    expect(voidBecause([half(100, 0.2), half(200, 0.25)])).toBeUndefined();
  });

  test('is never below zero, as the counters are not read at one instant', () => {
    expect(foreignCores({ wall_s: 10, host_s: 9.9, own_s: 10 })).toBe(0);
  });

  test('is not the only fault: a half in which nothing was done gives no ratio', () => {
    expect(voidBecause([half(0, 0), half(200, 0)])).toBe('nothing was done in one half');
  });
});

test('the ratio by CPU does not change when somebody else takes half of the machine', () => {
  const alone = ratioByCpu(half(300, 0), half(100, 0));
  expect(alone).toBeCloseTo(3);
  const starved = (one: Half): Half => ({ perSecond: one.perSecond / 2, cpu: { ...one.cpu, own_s: one.cpu.own_s / 2 } });
  expect(ratioByCpu(starved(half(300, 1)), starved(half(100, 1)))).toBeCloseTo(alone);
});
