import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KEYS_KEPT_DAYS, nextHorizon } from './keys-horizon.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);

test('whatever the clock does, a key could be forgotten before it was kept for 30 days', () => {
  const jump = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -400 * DAY, max: 400 * DAY }) });
  fc.assert(fc.property(fc.array(fc.record({ passed_ms: fc.integer({ min: 1, max: 5 * DAY }), jump_ms: jump }), { minLength: 1, maxLength: 60 }), (looks) => {
    let [real_ms, ahead_ms, horizon_ms] = [0, 0, START - 100 * DAY];
    const keys: { written_ms: number; real_ms: number }[] = [];
    for (const { passed_ms, jump_ms } of looks) {
      real_ms += passed_ms;
      ahead_ms += jump_ms;
      horizon_ms = nextHorizon(horizon_ms, START + real_ms + ahead_ms, passed_ms);
      for (const key of keys) if (key.written_ms < horizon_ms) expect(real_ms - key.real_ms).toBeGreaterThanOrEqual(KEYS_KEPT_DAYS * DAY);
      keys.push({ written_ms: START + real_ms + ahead_ms, real_ms });
    }
  }));
});

test('keys could be kept for ever, though no clock jumps', () => {
  let horizon_ms = START - 33 * DAY;
  for (let day = 1; day <= 40; day++) horizon_ms = nextHorizon(horizon_ms, START + day * DAY, DAY);
  expect(horizon_ms).toBe(START + 7 * DAY);
});

test('an outage could leave them behind for ever', () => {
  let horizon_ms = nextHorizon(START - 33 * DAY, START + 10 * DAY, 0);
  expect(horizon_ms).toBe(START - 33 * DAY);
  for (let day = 11; day <= 120; day++) horizon_ms = nextHorizon(horizon_ms, START + day * DAY, DAY);
  expect(horizon_ms).toBe(START + 87 * DAY);
});
