import { expect, test } from '@jest/globals';
import { diskOf, printedDisk } from './disk.ts';

const LOOK = `filesystem 2000000 1000000 /dev/vdb
entry 300000	data
entry 4	spool
entry 16	lost+found
wal 200000
ready 0
`;

test('a look that tells nothing is no disk with room', () => {
  expect(diskOf('ledger0-a', '')).toBeUndefined();
  expect(diskOf('ledger0-a', 'entry 300000\tdata\n')).toBeUndefined();
});

test('databases and WAL are told apart, the largest first', () => {
  const disk = diskOf('ledger0-a', LOOK)!;
  expect(disk).toMatchObject({ device: '/dev/vdb', size_bytes: 2_048_000_000, free_bytes: 1_024_000_000, is_full: false });
  expect(disk.parts.map(({ what, bytes }) => [what, bytes])).toEqual([['WAL', 204_800_000], ['databases', 102_400_000], ['spool of the archive', 4096]]);
  expect(printedDisk(disk)).toMatch(/^● ledger0-a: 977 MiB of 1,953 MiB free\n/);
});

test.each([
  ['a dump that somebody left there', 'entry 700000\tdump of may.sql\n', '(/var/lib/postgresql/dump of may.sql)'],
  ['a hidden file', 'entry 700000\t.cache\n', '(/var/lib/postgresql/.cache)'],
  ['what a restore has kept', 'entry 700000\tkept\nkept 1\n', '(./holdfast restore --forget-old)'],
  ['WAL that nobody takes', 'ready 12\n', 'WAL, of which 12 segments wait for the archive  (./holdfast backups)'],
])('%s: the line says so, and what to do', (_, more, expected) => {
  const look = more.startsWith('ready') ? LOOK.replace('ready 0\n', more) : LOOK + more;
  expect(printedDisk(diskOf('ledger0-a', look)!)).toContain(expected);
});

test('nothing is kept where the directory of kept data is empty', () => {
  expect(printedDisk(diskOf('ledger0-a', `${LOOK}entry 4\tkept\nkept 0\n`)!)).not.toContain('kept');
});

test('a disk on which no further WAL fits is full before its last byte is', () => {
  const disk = diskOf('ledger0-a', LOOK.replace('1000000', '60000'))!;
  expect(disk.is_full).toBe(true);
  expect(printedDisk(disk)).toMatch(/^○ ledger0-a: full, 59 MiB of 1,953 MiB free\n/);
});
