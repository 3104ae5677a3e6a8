import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { allowedAge_seconds, isDue, latestSlot, nextSlot, readSchedule, type Slot } from './schedule.ts';

const shipped = (): Record<string, unknown> => parse(readFileSync(join(import.meta.dirname, 'schedule.yaml'), 'utf8')) as Record<string, unknown>;
const faultsOf = (content: unknown): string[] => { const read = readSchedule(content); return 'faults' in read ? read.faults : []; };

test('the schedule that ships could be one that nobody can read', () => {
  expect(readSchedule(shipped())).toEqual({ schedule: {
    full: { every: 'week', weekday: 0, hour: 1, minute: 0 },
    differential: { every: 'day', hour: 1, minute: 0 },
    incremental: { every: 'hour', minute: 15 },
    verify: { every: 'day', hour: 3, minute: 0 },
    verify_second_repository: { every: 'week', weekday: 6, hour: 3, minute: 0 },
    restore_proof: { every: 'day', hour: 4, minute: 0 },
    log_snapshot: { every: 'hour', minute: 45 },
    keep: { full: 2, differential: 7 },
  } });
});

describe('a mistake in the schedule could be taken for something else, or be told one at a time', () => {
  for (const [what, change, told] of [
    ['a task is missing', { verify: undefined }, /^verify: is missing; it wants "hourly/],
    ['a time that does not exist', { full: 'weekly on sunday at 25:00' }, /^full: "weekly on sunday at 25:00": there is no such time of the day$/],
    ['a minute that does not exist', { incremental: 'hourly at :60' }, /^incremental: "hourly at :60": there is no such time/],
    ['a day that does not exist', { full: 'weekly on someday at 01:00' }, /"someday" is no day; days are sunday, monday/],
    ['the words of cron', { differential: '0 1 * * *' }, /^differential: "0 1 \* \* \*" is no time; it wants/],
    ['a time without its zero', { verify: 'daily at 3:00' }, /^verify: "daily at 3:00" is no time/],
    ['a misspelled task', { incremantal: 'hourly at :15' }, /^incremantal: there is no such thing to be done; known are full, differential/],
    ['nothing is kept', { keep: { full: 0, differential: 7 } }, /^keep\.full: 0: how many are kept is a whole number/],
    ['half a backup is kept', { keep: { full: 2, differential: 1.5 } }, /^keep\.differential: 1\.5: how many/],
    ['incrementals are counted', { keep: { full: 2, differential: 7, incremental: 3 } }, /^keep\.incremental: only full and differential/],
  ] as const) {
    test(what, () => expect(faultsOf({ ...shipped(), ...change })).toEqual([expect.stringMatching(told)]));
  }

  test('an empty file', () => expect(faultsOf(null)).toEqual([expect.stringContaining('holds no schedule')]));
  test('three at once', () => expect(faultsOf({ ...shipped(), full: 'never', verify: 'x', keep: {} })).toHaveLength(4));
});

const at = (text: string): Date => new Date(`${text}Z`);
const SUNDAY: Slot = { every: 'week', weekday: 0, hour: 1, minute: 0 };
const DAILY: Slot = { every: 'day', hour: 1, minute: 0 };
const HOURLY: Slot = { every: 'hour', minute: 15 };

describe('the last and the next time', () => {
  for (const [slot, now, latest, next] of [
    [HOURLY, '2026-11-23T10:14:59', '2026-11-23T09:15:00', '2026-11-23T10:15:00'],
    [HOURLY, '2026-11-23T10:15:00', '2026-11-23T10:15:00', '2026-11-23T11:15:00'],
    [HOURLY, '2026-01-01T00:00:00', '2025-12-31T23:15:00', '2026-01-01T00:15:00'],
    [DAILY, '2026-11-23T00:59:59', '2026-11-22T01:00:00', '2026-11-23T01:00:00'],
    [DAILY, '2024-03-01T00:30:00', '2024-02-29T01:00:00', '2024-03-01T01:00:00'],
    // 2026-11-22 is a Sunday.
    [SUNDAY, '2026-11-22T00:59:59', '2026-11-15T01:00:00', '2026-11-22T01:00:00'],
    [SUNDAY, '2026-11-22T01:00:00', '2026-11-22T01:00:00', '2026-11-29T01:00:00'],
    [SUNDAY, '2026-11-28T23:59:59', '2026-11-22T01:00:00', '2026-11-29T01:00:00'],
  ] as const) {
    test(`every ${slot.every}, asked at ${now}`, () => {
      expect(latestSlot(slot, at(now))).toEqual(at(latest));
      expect(nextSlot(slot, at(now))).toEqual(at(next));
    });
  }

  test('a day of 23 or 25 hours anywhere in the world could shift what is due, or do it twice', () => {
    // Europe's clocks went forward at 01:00 UTC on 2026-03-29, and back on 2026-10-25; the process may have any zone.
    for (const day of ['2026-03-29', '2026-10-25']) expect(latestSlot(DAILY, at(`${day}T01:30:00`))).toEqual(at(`${day}T01:00:00`));
  });

  test('at any moment the slots before and after it are one period apart, and it is between them', () => {
    const slots = fc.oneof(
      fc.record({ every: fc.constant('hour' as const), minute: fc.nat(59) }),
      fc.record({ every: fc.constant('day' as const), hour: fc.nat(23), minute: fc.nat(59) }),
      fc.record({ every: fc.constant('week' as const), weekday: fc.nat(6), hour: fc.nat(23), minute: fc.nat(59) }),
    );
    fc.assert(fc.property(slots, fc.date({ min: at('2020-01-01T00:00:00'), max: at('2040-01-01T00:00:00'), noInvalidDate: true }), (slot, now) => {
      const [latest, next] = [latestSlot(slot, now), nextSlot(slot, now)];
      expect(latest <= now && now < next).toBe(true);
      expect(latestSlot(slot, next)).toEqual(next);
      expect(isDue(slot, latest, now)).toBe(false);
      expect(isDue(slot, new Date(latest.getTime() - 1), now)).toBe(true);
    }));
  });
});

test('an alert could wait for a week because a backup is hourly, or ring because one took an hour', () => {
  expect([HOURLY, DAILY, SUNDAY].map(allowedAge_seconds)).toEqual([2 * 3600, 26 * 3600, 8 * 86_400]);
});
