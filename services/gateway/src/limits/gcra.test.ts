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
