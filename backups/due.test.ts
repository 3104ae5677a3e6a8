import { describe, expect, test } from '@jest/globals';
import { dueJobs, isDamaged, lastOf, type Job, type Verification } from './due.ts';
import type { RepositoryInfo, Taken } from './repository-info.ts';
import type { BackupType, Schedule } from './schedule.ts';

const schedule: Schedule = {
  full: { every: 'week', weekday: 0, hour: 1, minute: 0 },
  differential: { every: 'day', hour: 1, minute: 0 },
  incremental: { every: 'hour', minute: 15 },
  verify: { every: 'day', hour: 3, minute: 0 },
  verify_second_repository: { every: 'week', weekday: 6, hour: 3, minute: 0 },
  restore_proof: { every: 'day', hour: 4, minute: 0 },
  log_snapshot: { every: 'hour', minute: 45 },
  keep: { full: 2, differential: 7 },
};
const at = (text: string): Date => new Date(`${text}Z`);

function taken(type: BackupType, started: string, more: Partial<Taken> = {}): Taken {
  return { cluster: 'core', repository: 1, label: `${type} ${started}`, type, startedAt: at(started), endedAt: at(started), size_bytes: 1, stored_bytes: 1, walFrom: '', walTo: '', standsOn: [], pageErrors: false, ...more };
}
function info(...backups: Taken[]): RepositoryInfo {
  return { backups, archives: [], running: {}, known: new Set() };
}
function verified(when: string, damaged: string[] = [], repository = 1): Verification {
  return { cluster: 'core', repository, at: at(when).toISOString(), errors: damaged.length, damaged, findings: [] };
}
const due = (now: string, backups: Taken[], verifications: Verification[] = [verified(now)], repositories = [1]): string[] =>
  dueJobs(schedule, at(now), ['core'], repositories, info(...backups), verifications).map(name);
const name = (job: Job): string => `${job.do === 'backup' ? job.type : 'verify'} ${job.cluster} ${job.repository}`;

// 2026-11-22 is a Sunday.
describe('what is due', () => {
  for (const [what, now, backups, expected] of [
    ['a new platform', '2026-11-23T10:00:00', [], ['full core 1']],
    ['nothing', '2026-11-23T10:00:00', [taken('full', '2026-11-22T01:00:00'), taken('differential', '2026-11-23T01:00:00'), taken('incremental', '2026-11-23T09:15:00')], []],
    ['the hour', '2026-11-23T10:15:00', [taken('full', '2026-11-22T01:00:00'), taken('differential', '2026-11-23T01:00:00'), taken('incremental', '2026-11-23T09:15:00')], ['incremental core 1']],
    ['the day, which is worth the hour', '2026-11-24T01:16:00', [taken('full', '2026-11-22T01:00:00'), taken('differential', '2026-11-23T01:00:00'), taken('incremental', '2026-11-24T00:15:00')], ['differential core 1']],
    ['the week, which is worth the day and the hour', '2026-11-29T01:00:00', [taken('full', '2026-11-22T01:00:00'), taken('differential', '2026-11-28T01:00:00'), taken('incremental', '2026-11-29T00:15:00')], ['full core 1']],
    ['a full by hand does the duty of all that was due', '2026-11-24T01:30:00', [taken('full', '2026-11-24T01:20:00')], []],
    ['a full at the minute before its time is not the one of this week', '2026-11-29T01:00:00', [taken('full', '2026-11-29T00:59:59')], ['full core 1']],
    ['three days off: made up for once, by what says most', '2026-11-26T12:00:00', [taken('full', '2026-11-22T01:00:00'), taken('incremental', '2026-11-23T09:15:00')], ['differential core 1']],
    ['three weeks off', '2026-12-16T12:00:00', [taken('full', '2026-11-22T01:00:00'), taken('incremental', '2026-11-23T09:15:00')], ['full core 1']],
    ['a clock that was set back: what is in the future is there', '2026-11-20T12:00:00', [taken('full', '2026-11-22T01:00:00')], []],
  ] as const) {
    test(what, () => expect(due(now, [...backups])).toEqual(expected));
  }

  test('what was made up for would be made up for again', () => {
    const full = taken('full', '2026-11-22T01:00:00');
    expect(due('2026-11-26T12:00:00', [full])).toEqual(['differential core 1']);
    expect(due('2026-11-26T12:01:00', [full, taken('differential', '2026-11-26T12:00:00')])).toEqual([]);
  });

  test('a repository that was added would go without a full because the other has one', () => {
    expect(due('2026-11-23T10:00:00', [taken('full', '2026-11-23T09:30:00')], [verified('2026-11-23T09:59:00')], [1, 2])).toEqual(['full core 2']);
  });

  test('a cluster without any backup would wait for the verification of another', () => {
    const jobs = dueJobs(schedule, at('2026-11-23T10:00:00'), ['core', 'ledger0'], [1], info(taken('full', '2026-11-23T09:30:00')), []);
    expect(jobs.map(name)).toEqual(['full ledger0 1', 'verify core 1']);
  });
});

describe('verification', () => {
  const backups = [taken('full', '2026-11-22T01:00:00'), taken('incremental', '2026-11-24T09:15:00'), taken('differential', '2026-11-24T01:00:00')];
  test('is due once a day', () => {
    expect(due('2026-11-24T10:00:00', backups, [verified('2026-11-24T02:59:59')])).toEqual(['verify core 1']);
    expect(due('2026-11-24T10:00:00', backups, [verified('2026-11-24T03:00:01')])).toEqual([]);
  });
  test('of what was never verified is due; of nothing it is not', () => {
    expect(due('2026-11-24T10:00:00', backups, [])).toEqual(['verify core 1']);
    expect(due('2026-11-24T10:00:00', [], [])).toEqual(['full core 1']);
  });
  test('that found damage would be repeated all day', () => {
    const { label } = taken('incremental', '2026-11-24T09:15:00');
    expect(due('2026-11-24T10:00:00', backups, [verified('2026-11-24T09:30:00', [label])])).not.toContain('verify core 1');
  });
});

describe('a damaged backup', () => {
  const full = taken('full', '2026-11-22T01:00:00');
  const differential = taken('differential', '2026-11-24T01:00:00', { standsOn: [full.label] });
  const incremental = taken('incremental', '2026-11-24T09:15:00', { standsOn: [full.label, differential.label] });
  const all = [full, differential, incremental];

  test('would pass for one, and so would those that stand on it', () => {
    expect(all.map((backup) => isDamaged(backup, [verified('2026-11-24T09:30:00', [full.label])]))).toEqual([true, true, true]);
    expect(all.map((backup) => isDamaged(backup, [verified('2026-11-24T09:30:00', [differential.label])]))).toEqual([false, true, true]);
    expect(all.map((backup) => isDamaged(backup, [verified('2026-11-24T09:30:00', [full.label], 2)]))).toEqual([false, false, false]);
  });
  test('would be stood upon until the next full is due', () => {
    expect(due('2026-11-24T10:00:00', all, [verified('2026-11-24T09:30:00', [full.label])])).toEqual(['full core 1']);
    expect(due('2026-11-24T10:00:00', all, [verified('2026-11-24T09:30:00', [differential.label])])).toEqual(['differential core 1']);
    expect(due('2026-11-24T10:00:00', all, [verified('2026-11-24T09:30:00', [incremental.label])])).toEqual(['incremental core 1']);
  });
  test('would be replaced again and again', () => {
    expect(due('2026-11-24T10:00:00', [...all, taken('full', '2026-11-24T09:40:00')], [verified('2026-11-24T09:30:00', [full.label])])).toEqual([]);
  });
});

test('the last of a type could be one that says less', () => {
  const backups = [taken('full', '2026-11-22T01:00:00'), taken('differential', '2026-11-23T01:00:00'), taken('incremental', '2026-11-23T09:15:00')];
  expect((['full', 'differential', 'incremental'] as const).map((type) => lastOf(type, backups)?.type)).toEqual(['full', 'differential', 'incremental']);
  expect(lastOf('incremental', backups.slice(0, 1))?.type).toBe('full');
  expect(lastOf('full', backups.slice(1))).toBeUndefined();
});
