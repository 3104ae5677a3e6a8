import { describe, expect, test } from '@jest/globals';
import { JumpWatch } from './jump-watch.ts';

const MINUTE = 60_000;
const YEAR = 365 * 24 * 60 * MINUTE;

/** A watch that looked at a clock which ran as it should for a minute, and how far it is ahead of that since. */
function watching(): (after_minutes: number, ahead_ms: number) => number {
  watch = new JumpWatch();
  const at = (passed_ms: number, ahead_ms: number): number => watch.look({ passed_ms, clock_ms: 1e12 + passed_ms + ahead_ms });
  at(0, 0);
  at(MINUTE, 0);
  return (minutes, ahead_ms) => at((minutes + 1) * MINUTE, ahead_ms);
}

let watch: JumpWatch;

describe('a clock', () => {
  test('that runs, or is slewed, is believed', () => {
    const look = watching();
    expect([look(1, 500), look(2, -500), look(60, 20_000)]).toEqual([0, 0, 0]);
    expect(watch.isBelieved()).toBe(true);
  });

  test('that jumps ahead could be acted upon at once', () => {
    const look = watching();
    expect(look(1, YEAR)).toBe(YEAR);
    expect(watch.isBelieved()).toBe(false);
    expect(look(10, YEAR)).toBe(0);
    expect(watch.isBelieved()).toBe(false);
    look(11, YEAR);
    expect(watch.isBelieved()).toBe(true);
  });

  test('that is put right again could be doubted for long', () => {
    const look = watching();
    look(1, YEAR);
    expect(look(3, 0)).toBe(-YEAR);
    expect(watch.isBelieved()).toBe(true);
  });

  test('that goes back ends nothing early, and is believed', () => {
    const look = watching();
    expect(look(1, -YEAR)).toBe(-YEAR);
    expect(watch.isBelieved()).toBe(true);
  });
});
