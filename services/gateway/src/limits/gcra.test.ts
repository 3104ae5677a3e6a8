import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide } from './gcra.ts';

/** Plays requests at the given times against one bucket. */
function play(times_ms: readonly number[], perMinute: number): { at_ms: number; allowed: boolean; remaining: number; retryAfter_ms: number }[] {
  let arrival_ms: number | undefined;
  return times_ms.map((at_ms) => {
    const decision = decide(arrival_ms, perMinute, at_ms);
    arrival_ms = decision.arrival_ms;
    return { at_ms, ...decision.allowance };
  });
}

describe('the limit', () => {
  test('a full bucket passes at once, the next is told when to come back, and then passes', () => {
    const first = play(Array.from({ length: 21 }, () => 0), 20);
    expect(first.slice(0, 20).every(({ allowed }) => allowed)).toBe(true);
    expect(first[0]!.remaining).toBe(19);
    expect(first[19]!.remaining).toBe(0);
    expect(first[20]).toMatchObject({ allowed: false, retryAfter_ms: 3_000 });
    expect(play([...Array.from({ length: 21 }, () => 0), 2_999, 3_000], 20).slice(-2).map(({ allowed }) => allowed)).toEqual([false, true]);
  });

  test('a minute of silence fills it again', () => {
    expect(play([...Array.from({ length: 20 }, () => 0), 60_000], 20).at(-1)!.remaining).toBe(19);
  });

  test('a request that counts for many could take more than it counts for, or never pass', () => {
    const big = decide(undefined, 20, 0, 15);
    expect(big.allowance).toMatchObject({ allowed: true, remaining: 5 });
    expect(decide(big.arrival_ms, 20, 0, 6).allowance).toMatchObject({ allowed: false, remaining: 5, retryAfter_ms: 3_000 });
    expect(decide(big.arrival_ms, 20, 3_000, 6).allowance).toMatchObject({ allowed: true, remaining: 0 });
    // More than there is in a full bucket: all of it.
    expect(decide(undefined, 20, 0, 500).allowance).toMatchObject({ allowed: true, remaining: 0 });
    expect(decide(0, 20, 0, 500).allowance.allowed).toBe(true);
    expect(decide(3_000, 20, 0, 500).allowance).toMatchObject({ allowed: false, retryAfter_ms: 3_000 });
  });

  test('a clock that goes back by an hour could shut people out for an hour', () => {
    const { arrival_ms } = decide(3_600_000, 20, 3_600_000);
    expect(decide(arrival_ms, 20, 0).allowance).toMatchObject({ allowed: false, retryAfter_ms: 3_000 });
    expect(decide(decide(arrival_ms, 20, 0).arrival_ms, 20, 3_000).allowance.allowed).toBe(true);
  });

  test('never more than a bucket and what has come back since, whatever the times', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 300 }), (perMinute, gaps_ms) => {
      let now_ms = 0;
      const played = play(gaps_ms.map((gap_ms) => (now_ms += gap_ms)), perMinute);
      const allowed = played.filter((decision) => decision.allowed).length;
      expect(allowed).toBeLessThanOrEqual(perMinute + Math.floor((now_ms * perMinute) / 60_000) + 1);
      for (const decision of played) if (!decision.allowed) expect(decision.retryAfter_ms).toBeGreaterThan(0);
    }));
  });
});
