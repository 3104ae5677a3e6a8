import { describe, expect, test } from '@jest/globals';
import { isSnapshotDue, lostIndices, readSnapshots, snapshotName, snapshotsToDelete, type LogSnapshot } from './log-snapshots.ts';

const at = (text: string): Date => new Date(`${text}Z`);
const HOURLY = { every: 'hour', minute: 45 } as const;
const KEPT_DAYS = 30;
const NOW = at('2026-11-30T12:50:00');
const day = (name: string): string => `holdfast-logs-${name}`;

function taken(started: string, indices: readonly string[], state = 'SUCCESS'): LogSnapshot {
  return { name: snapshotName(at(started)), state, indices: indices.map(day), startedAt: at(started) };
}
/** One an hour, the newest first. */
function hourly(count: number, indices: readonly string[], until = NOW): LogSnapshot[] {
  return Array.from({ length: count }, (_, hours) => taken(new Date(until.getTime() - hours * 3_600_000).toISOString().slice(0, 19), indices));
}
const names = (snapshots: readonly LogSnapshot[]): string[] => snapshots.map(({ name }) => name);

describe('a snapshot is due', () => {
  for (const [what, snapshots, indices, expected] of [
    ['that nobody has taken yet', [], ['2026.11.30'], true],
    ['never of an Elasticsearch without a line: an empty one would pass for good', [], [], false],
    ['not before its time', [taken('2026-11-30T12:45:01', ['2026.11.30'])], ['2026.11.30'], false],
    ['when its time has come', [taken('2026-11-30T12:44:59', ['2026.11.30'])], ['2026.11.30'], true],
    ['again after one that came to nothing', [taken('2026-11-30T12:46:00', [], 'FAILED'), taken('2026-11-30T11:45:00', ['2026.11.30'])], ['2026.11.30'], true],
    ['not twice at once', [taken('2026-11-30T12:46:00', [], 'IN_PROGRESS')], ['2026.11.30'], false],
    ['once after two days off', [taken('2026-11-28T11:45:00', ['2026.11.28'])], ['2026.11.30'], true],
  ] as const) {
    test(what, () => expect(isSnapshotDue(HOURLY, snapshots, indices.map(day), NOW)).toBe(expected));
  }
});

describe('what is deleted', () => {
  test('without end they could fill the disk', () => {
    const snapshots = hourly(30, ['2026.11.29', '2026.11.30']);
    expect(snapshotsToDelete(snapshots, KEPT_DAYS, NOW)).toEqual(snapshots.slice(24));
  });

  test('an Elasticsearch that was lost and begins empty could push out what would bring it back', () => {
    const before = hourly(24, ['2026.11.27', '2026.11.28'], at('2026-11-28T12:50:00'));
    const snapshots = [...hourly(48, ['2026.11.30']), ...before];
    expect(names(snapshotsToDelete(snapshots, KEPT_DAYS, NOW))).toEqual(names(snapshots.slice(24, 48)));
  });

  test('one could be kept for ever for a day whose lines are deleted anyway', () => {
    const old = (oldest: string): LogSnapshot => taken('2026-11-01T10:45:00', [oldest, '2026.11.30']);
    expect(snapshotsToDelete([...hourly(24, ['2026.11.30']), old('2026.10.31')], KEPT_DAYS, NOW)).toEqual([]);
    expect(snapshotsToDelete([...hourly(24, ['2026.11.30']), old('2026.10.30')], KEPT_DAYS, NOW)).toHaveLength(1);
  });

  test('a number of days that nobody can read could delete everything', () => {
    expect(snapshotsToDelete([...hourly(24, ['2026.11.30']), taken('2026-11-01T10:45:00', ['2026.10.01'])], Number('thirty'), NOW)).toEqual([]);
  });

  test('those that came to nothing could push out good ones, or stay for ever', () => {
    const [newest, ...others] = hourly(24, ['2026.11.30']);
    const failed = taken('2026-11-30T05:50:01', ['2026.11.30'], 'FAILED');
    const running = taken('2026-11-30T12:50:30', [], 'IN_PROGRESS');
    expect(snapshotsToDelete([running, newest!, failed, ...others], KEPT_DAYS, NOW)).toEqual([failed]);
    expect(snapshotsToDelete([failed], KEPT_DAYS, NOW)).toEqual([]);
  });
});

describe('what is brought back', () => {
  const snapshots = [taken('2026-11-30T12:45:00', ['2026.11.30']), taken('2026-11-30T11:45:00', [], 'FAILED'), taken('2026-11-29T23:45:00', ['2026.11.28', '2026.11.29']), taken('2026-11-28T23:45:00', ['2026.10.01', '2026.11.28'])];

  test('a day that only an older one has could be left out, or a day come from one that is not the newest', () => {
    expect(lostIndices(snapshots, new Map(), KEPT_DAYS, NOW)).toEqual([
      { index: day('2026.11.30'), snapshot: 'logs-2026.11.30-12.45.00', isThereAnew: false },
      { index: day('2026.11.29'), snapshot: 'logs-2026.11.29-23.45.00', isThereAnew: false },
      { index: day('2026.11.28'), snapshot: 'logs-2026.11.29-23.45.00', isThereAnew: false },
    ]);
  });

  const made = (times: Readonly<Record<string, string>>): Map<string, Date> => new Map(Object.entries(times).map(([name, time]) => [day(name), at(time)]));
  test('an index that lacks nothing could be written over', () => {
    expect(lostIndices(snapshots, made({ '2026.11.30': '2026-11-30T00:00:01', '2026.11.29': '2026-11-29T00:00:01', '2026.11.28': '2026-11-28T00:00:01' }), KEPT_DAYS, NOW)).toEqual([]);
  });

  test('a day whose index was made anew after the loss could lack what the lost one had', () => {
    expect(lostIndices(snapshots, made({ '2026.11.30': '2026-11-30T12:46:00', '2026.11.29': '2026-11-29T00:00:01', '2026.11.28': '2026-11-30T12:46:00' }), KEPT_DAYS, NOW)).toEqual([
      { index: day('2026.11.30'), snapshot: 'logs-2026.11.30-12.45.00', isThereAnew: true }, { index: day('2026.11.28'), snapshot: 'logs-2026.11.29-23.45.00', isThereAnew: true },
    ]);
  });

  test('a snapshot that was taken since could stand in the way of what was lost before', () => {
    const since = [taken('2026-11-30T12:50:00', ['2026.11.30']), ...snapshots];
    expect(lostIndices(since, made({ '2026.11.30': '2026-11-30T12:46:00' }), KEPT_DAYS, NOW)[0]).toEqual({ index: day('2026.11.30'), snapshot: 'logs-2026.11.30-12.45.00', isThereAnew: true });
  });

  test('one that is not whole could be taken for good', () => {
    expect(lostIndices([taken('2026-11-30T12:45:00', ['2026.11.30'], 'PARTIAL')], new Map(), KEPT_DAYS, NOW)).toEqual([]);
  });
});

test('a snapshot that somebody took by hand could be deleted, or the newest be taken for the oldest', () => {
  const one = (snapshot: string, hours: number): { snapshot: string; state: string; indices: string[]; start_time_in_millis: number } => ({ snapshot, state: 'SUCCESS', indices: [day('2026.11.30'), '.security-7'], start_time_in_millis: hours * 3_600_000 });
  const read = readSnapshots({ snapshots: [one('logs-2026.11.30-10.45.00', 1), one('before-the-move', 2), one('logs-2026.11.30-12.45.00', 3)] });
  expect(names(read)).toEqual(['logs-2026.11.30-12.45.00', 'logs-2026.11.30-10.45.00']);
  expect(read[0]?.indices).toEqual([day('2026.11.30')]);
});
