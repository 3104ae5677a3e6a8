import { describe, expect, test } from '@jest/globals';
import { bytesNeeded, linesOf, refuseFullDisk, roomsOf, type Plan } from './plan.ts';
import { historyOf, optionsOf, refusalOf, unfetched } from './prepare.ts';
import type { Backup } from './repository.ts';
import { parseTarget } from './target.ts';

const backup = (size: number): Backup => ({
  label: '20260131-080000F', type: 'full', error: false, timestamp: { start: 1_769_846_400, stop: 1_769_846_700 }, lsn: { start: '0/1', stop: '0/2' }, archive: { start: '', stop: '' }, info: { size },
});
const plan: Plan = {
  to: '2026-01-31T09:59:00.000000Z', instance: 'bank', stops: ['transactions'], rooms: [{ nodes: ['ledger0-b', 'ledger0-a'], needs_bytes: 3_000_000_000, free_bytes: 50_000_000_000 }],
  clusters: [
    { cluster: 'ledger0', node: 'ledger0-b', others: ['ledger0-a'], isAlive: true, backup: backup(1_000_000_000), timeline: 'latest', ended_timeline: 1, point_ms: 1, lost: 7 },
    { cluster: 'core', node: 'core-a', others: ['core-b'], isAlive: false, backup: backup(1_000_000_000), timeline: 3, ended_timeline: 4, point_ms: 1, lost: null },
  ],
};

test('the plan says from what, where, what stops and what is lost, before anything is done', () => {
  const text = linesOf(plan).join('\n');
  for (const said of ['"bank" to 2026-01-31T09:59:00.000000Z', 'full backup 20260131-080000F (ended 2026-01-31T08:05:00.000Z, 1000 MB)', 'on ledger0-b', 'timeline 3, on core-a, which has no leader that answers now',
    '7 transfers accepted after the point will be undone', 'stopped meanwhile: transactions, and the nodes of ledger0, core', 'disk of ledger0-b, ledger0-a: 3000 MB needed, 50.0 GB free']) expect(text).toContain(said);
});

describe('the disk', () => {
  const on = (device: string, free_bytes: number) => (node: string) => ({ node, needs_bytes: bytesNeeded(backup(1_000_000_000)), disk: { device, free_bytes } });
  test('must hold a copy for each node beside what is there', () => {
    const [room, ...others] = roomsOf(['a', 'b'].map(on('/dev/vda', 9)));
    expect(others).toEqual([]);
    expect(room).toMatchObject({ nodes: ['a', 'b'], free_bytes: 9 });
    expect(room?.needs_bytes).toBeGreaterThanOrEqual(2_200_000_000);
  });
  test('of one node could be full, while that of all others has room', () => {
    const rooms = roomsOf([on('/dev/vda', 50_000_000_000)('a'), on('/dev/vdb', 1_000_000_000)('b')]);
    expect(() => refuseFullDisk(rooms)).toThrow('needs 1637 MB on the disk of b, where 1000 MB are free');
  });
  test('that has just the room is not refused', () => {
    expect(() => refuseFullDisk([{ nodes: ['a'], needs_bytes: 2_000_000_000, free_bytes: 1_999_999_999 }])).toThrow('where 2000 MB are free');
    expect(() => refuseFullDisk([{ nodes: ['a'], needs_bytes: 2_000_000_000, free_bytes: 2_000_000_000 }])).not.toThrow();
  });
});

test.each([
  ['latest', ['--type=default']],
  ['2026-01-31T09:59:00.5Z', ['--type=time', '--target=2026-01-31 09:59:00.500000+00', '--target-action=promote', '--target-timeline=2']],
  ['0/5a000028', ['--type=lsn', '--target=0/5A000028', '--target-action=promote', '--target-timeline=2']],
  ['friday', ['--type=name', '--target=friday', '--target-action=promote', '--target-timeline=2']],
])('%s is told to pgBackRest as it is meant', (said, options) => {
  expect(optionsOf(parseTarget(said), { timeline: 2 })).toEqual(options);
});

describe('a recovery that did not reach its target', () => {
  test('because the WAL ends before it is never opened, and says where it ends', () => {
    const log = 'time=x LOG:  last completed transaction was at log time 2026-01-31 09:00:00.1+00\ntime=x FATAL:  recovery ended before configured recovery target was reached\n';
    expect(() => { throw refusalOf('ledger0', log); }).toThrow('ends before the target: its last transaction is of 2026-01-31 09:00:00.1+00');
  });
  test('because the target is within its backup says so', () => {
    expect(refusalOf('ledger0', 'FATAL:  requested recovery stop point is before consistent recovery point').message).toContain('lies within the backup');
  });
  test('because the repository went away is not called the end of its WAL', () => {
    const log = "ERROR: [049]: unable to connect to 'pgbackrest:8432': [111] Connection refused\ntime=x FATAL:  recovery ended before configured recovery target was reached\n";
    const { message, next } = refusalOf('ledger0', log);
    expect(message).toContain("could not be read from the repository to its end: ERROR: [049]: unable to connect to 'pgbackrest:8432'");
    expect(next.join('\n')).toMatch(/old data was not touched.*\n.*--resume.*\n.*--undo/);
  });
  test('because the disk is full is not called the end of its WAL, nor a repository that is away', () => {
    const log = `P00  ERROR: [042]: unable to get 000000050000000000000014:
            repo1: 17-1/0000000500000000/000000050000000000000014-6da2.zst [FileWriteError] unable to write '/var/lib/postgresql/restore/data/pg_wal/RECOVERYXLOG'
      time=x FATAL:  recovery ended before configured recovery target was reached`;
    expect(refusalOf('ledger0', log).message).toContain('the disk is full: the WAL of ledger0 that leads to the point does not fit');
  });
  test('for any other reason says what Postgres said', () => {
    expect(refusalOf('ledger0', 'FATAL:  could not open file\n').next).toContain('| FATAL:  could not open file');
  });
});

describe('a backup that could not be copied', () => {
  test.each([
    ['a full disk', 'ERROR: [041]: unable to write \'/var/lib/postgresql/restore/data/base/5/1259.pgbackrest.tmp\': [28] No space left on device', 'the disk is full: the backup of ledger0'],
    ['a repository that is away', "ERROR: [049]: unable to connect to 'pgbackrest:8432': [111] Connection refused", "the backup repository went away while ledger0 was restored from it (unable to connect to 'pgbackrest:8432')"],
    ['another key', 'ERROR: [095]: unable to flush', 'could not be restored'],
    ['a damaged file', 'ERROR: [095]: cipher header invalid', 'cannot be decrypted'],
  ])('because of %s says so, and how to go on', (_, line, says) => {
    const { message, next } = unfetched('ledger0', ['P00   INFO: restore command begin', line]);
    expect(message).toContain(says);
    expect(next.slice(-3)).toEqual(['The old data was not touched.', 'Try again:   ./holdfast restore --resume', 'Or give up:  ./holdfast restore --undo']);
  });
});

test('the history of a timeline tells where it left the one before, and why', () => {
  expect(historyOf('1\t0/3000000\tno recovery target specified\n\n2\t0/5000028\tbefore 2026-01-31 09:59:00.1+00\n')).toEqual({ from: 2, lsn: '0/5000028', reason: 'before 2026-01-31 09:59:00.1+00' });
  expect(() => historyOf('')).toThrow('says nothing');
});
