import { expect, test } from '@jest/globals';
import { commandsOf, WORKERS } from './commands.ts';
import { described, scheduleOf } from './schedule.ts';

test('the same seed would make other faults', () => {
  expect(scheduleOf(7, 50)).toEqual(scheduleOf(7, 50));
  expect(scheduleOf(7, 50)).not.toEqual(scheduleOf(8, 50));
});

test('a shorter run of a seed would not be the beginning of a longer one', () => {
  const short = scheduleOf(7, 20).flatMap(({ faults }) => faults);
  const long = scheduleOf(7, 40).flatMap(({ faults }) => faults);
  expect(short).toEqual(long.slice(0, 20));
  expect(long.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
});

test('a kind of fault would hardly ever strike', () => {
  const kinds = scheduleOf(1, 200).flatMap(({ faults }) => faults).map((fault) => described(fault).replace(/ledger[01]/g, 'ledger').replace(/ for .*/, ''));
  const counts = [...Map.groupBy(kinds, (kind) => kind).values()].map((same) => same.length);
  expect(counts.length).toBe(37);
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(4);
});

test('a fault would last longer than it may', () => {
  for (const fault of scheduleOf(3, 400).flatMap(({ faults }) => faults)) {
    if ('durationMs' in fault) expect(fault.durationMs).toBeLessThanOrEqual(27_000);
  }
});

test('the same seed would make other commands, or all clients the same', () => {
  const first = (worker: number, seed = 7): unknown[] => {
    const commands = commandsOf(seed, worker);
    return Array.from({ length: 200 }, () => commands.next().value);
  };
  expect(first(3)).toEqual(first(3));
  expect(first(3)).not.toEqual(first(3, 8));
  expect(first(3)).not.toEqual(first(4));
  expect(WORKERS.length).toBe(17);
});
