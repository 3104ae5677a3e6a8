import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { must, run } from '../../../platform/cli/run.ts';
import { PROJECT } from '../../../platform/cli/versions.ts';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import type { Fault } from '../fault.ts';
import { beginHelper, endHelper } from '../containers-beside.ts';
import { keepAsking, stopAsking } from '../asking.ts';

/** Where something small is mounted for a while. */
const MOUNT = '/mnt/holdfast-alert-test';
/** What fills the disk, a gigabyte at a time. Nothing is written: the room is taken. */
const FILLER = join(PROJECT, '.holdfast', 'test-reports', 'alerts', 'filler');
const GIGABYTES = 10;
const SEEN_MS = 240_000;
/** Programs that wait for one thing make others wait for another. */
const PRESSURE = 'pressure';

/** A test has the whole machine to itself as little as an installation has: where the machine's limit would have to be reached, the threshold comes to it. */
export const machineFaults: readonly Fault[] = [
  { alert: 'DiskAlmostFull', what: 'nothing is broken: 99.9 % free counts as almost full', labels: { mountpoint: '/' }, scaled: { for: '15s', number: ['0.10', '0.999'] } },
  {
    alert: 'DiskFillsSoon', what: `a file takes ${GIGABYTES} GB, one every eight seconds; soon is within half an hour`, labels: { mountpoint: '/' },
    make: () => Promise.resolve(keepAsking('DiskFillsSoon', 1 / 8, grow)), undo: shrink,
    scaled: { for: '15s', range: ['6h', '2m'], number: [['4', '0.02'], ['0.40', '0.999']] },
  },
  { alert: 'InodesAlmostFull', what: 'nothing is broken: 99.9 % of the files left count as few', labels: { mountpoint: '/' }, scaled: { for: '15s', number: ['0.05', '0.999'] } },
  {
    alert: 'FilesystemReadOnly', what: 'a file system that was writable two minutes ago is mounted read-only', labels: { mountpoint: MOUNT },
    prepare: mountWritable, make: async () => { await must('mount', ['-o', 'remount,bind,ro', MOUNT]); }, undo: unmount, scaled: { range: ['30m', '2m'] }, alone: true,
  },
  { alert: 'MachineMemoryLow', what: 'nothing is broken: 99.9 % of the memory left count as low', labels: {}, scaled: { for: '15s', number: ['0.05', '0.999'] } },
  {
    alert: 'MemoryPressure', what: 'a program reads a file four times as large as its memory, again and again; a thousandth of the time counts as pressure', labels: {},
    make: (platform) => beginHelper(platform, 'MemoryPressure', ['--memory', '64m'], ['sh', '-c', 'head -c 256m /dev/zero > /var/tmp/large; while :; do cat /var/tmp/large /var/tmp/large > /dev/null; done']),
    undo: (platform) => endHelper(platform, 'MemoryPressure'), scaled: { for: '15s', range: ['5m', '1m'], number: ['0.10', '0.001'] }, touches: [PRESSURE],
  },
  {
    alert: 'CpuPressure', what: 'eight programs compute without end, after all others; three fifths of the time count as always', labels: {},
    make: (platform) => beginHelper(platform, 'CpuPressure', ['--cpu-shares', '2'], ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do nice -n 19 sh -c "while :; do :; done" & done; wait']),
    undo: (platform) => endHelper(platform, 'CpuPressure'), scaled: { for: '15s', range: ['15m', '1m'], number: ['0.95', '0.6'] }, touches: [PRESSURE],
  },
  {
    alert: 'DiskPressure', what: 'eight programs wait for the disk at each block they write; a fiftieth of the time counts as pressure', labels: {},
    make: (platform) => beginHelper(platform, 'DiskPressure', [], ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do while :; do dd if=/dev/zero of=/var/tmp/block-$i bs=256k count=100 oflag=dsync 2> /dev/null; done & done; wait']),
    undo: (platform) => endHelper(platform, 'DiskPressure'), scaled: { for: '15s', range: ['10m', '1m'], number: ['0.5', '0.02'] }, touches: [PRESSURE],
  },
  {
    alert: 'OutOfMemoryKill', what: 'a program takes more memory than its container has', labels: {},
    make: (platform) => beginHelper(platform, 'OutOfMemoryKill', ['--memory', '32m'], ['sh', '-c', 'head -c 200m /dev/zero | tail -c 200m']),
    scaled: { range: ['15m', '2m'] },
  },
  { alert: 'ClockStepped', what: 'node-exporter is told another moment of the boot, as after a step of the clock by a minute', labels: {}, touches: ['node-exporter'], make: stepClock, undo: stepClockBack },
  { alert: 'FileHandlesLow', what: 'nothing is broken: any open file counts as too many', labels: {}, scaled: { for: '15s', number: ['0.8', '0'] } },
];

async function grow(turn: number): Promise<void> {
  mkdirSync(join(FILLER, '..'), { recursive: true });
  if (turn < GIGABYTES) await promisify(execFile)('fallocate', ['--length', `${turn + 1}GiB`, FILLER]);
}

function shrink(): Promise<void> {
  stopAsking('DiskFillsSoon');
  rmSync(FILLER, { force: true });
  return Promise.resolve();
}

/** A directory, mounted onto itself: nothing else is in it. It has to have been seen writable for as long as the rule looks back. */
async function mountWritable(platform: Platform): Promise<void> {
  await must('mkdir', ['-p', MOUNT]);
  await must('mount', ['--bind', MOUNT, MOUNT]);
  await within(SEEN_MS, 'the mount to be seen for two minutes', async () => ((await platform.prometheus(`node_filesystem_readonly{mountpoint="${MOUNT}"} offset 2m`)).length > 0 ? true : undefined));
}

async function unmount(): Promise<void> {
  await run('umount', [MOUNT]);
  await run('rmdir', [MOUNT]);
}

const STEP_S = 60;

/** The clock itself is everybody's. Over the file that tells the moment of the boot lies another, for node-exporter alone, and until it is started anew. */
async function stepClock(platform: Platform): Promise<void> {
  const stat = readFileSync('/proc/stat', 'utf8').replace(/^btime (\d+)$/m, (_line, seconds) => `btime ${Number(seconds) + STEP_S}`);
  await inView(platform, ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  await inView(platform, ['sh', '-c', 'cat > /mnt/stat && chmod a+r /mnt /mnt/stat && chmod a+x /mnt'], stat);
  await inView(platform, ['mount', '--bind', '/mnt/stat', '/host/proc/stat']);
}

async function stepClockBack(platform: Platform): Promise<void> {
  await platform.instance.compose(['restart', '--timeout', '5', 'node-exporter']);
}

async function inView(platform: Platform, command: readonly string[], input?: string): Promise<void> {
  const { pid } = await platform.container('node-exporter');
  await must('nsenter', ['--target', String(pid), '--mount', '--', ...command], input === undefined ? {} : { input });
}
