import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@playwright/test';
import type { Shown } from '../../platform/cli/backups/scheduler.ts';
import { run } from '../../platform/cli/run.ts';
import { Platform } from '../kit/platform.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

type Listed = Shown & { rpo_seconds: Record<string, number | null>; shares_disk: boolean; troubles: string[] };
type Backup = Shown['backups'][number];

async function list(): Promise<Listed> {
  return JSON.parse((await platform.command('backups', '--json')).stdout) as Listed;
}

async function take(type: string, cluster: string): Promise<Backup> {
  const outcome = await platform.command('backup', '--type', type, '--cluster', cluster, '--json');
  expect(outcome.stderr).toContain('done');
  return (JSON.parse(outcome.stdout) as Backup[])[0]!;
}

function fullsOf(cluster: string, { backups }: Listed): Backup[] {
  return backups.filter((one) => one.cluster === cluster && one.type === 'full');
}

test('a backup by hand could be missing from the list, or say nothing of what would be lost', async () => {
  const taken = await take('incr', 'ledger1');
  const listed = await list();
  expect(listed.backups.find(({ label, cluster }) => label === taken.label && cluster === 'ledger1')).toMatchObject({ type: 'incremental', state: 'not verified yet' });
  expect(Object.keys(listed.rpo_seconds).toSorted()).toEqual(['core', 'ledger0', 'ledger1']);
  for (const [cluster, seconds] of Object.entries(listed.rpo_seconds)) expect(seconds, cluster).toBeLessThanOrEqual(60);
  const text = (await platform.command('backups')).stdout;
  for (const part of [taken.label, taken.walFrom, 'lost with this machine now', 'Backups share the disk they protect']) expect(text).toContain(part);
});

test('a snapshot of log lines by hand could be missing from the list', async () => {
  const taken = JSON.parse((await platform.command('backup', '--logs', '--json')).stdout) as { name: string };
  const { log_snapshots } = await list();
  // Another may have been taken since, by the schedule.
  expect('newest' in log_snapshots && (log_snapshots.newest?.name ?? '') >= taken.name).toBe(true);
  expect((await platform.command('backups')).stdout).toMatch(/log lines: newest snapshot logs-\S+, \d+ s old/);
});

test('two backups of a cluster could be taken at once', async () => {
  // The lock of one that is being taken, held until its input ends: on an idle platform a real one is over in seconds.
  const other = spawn('docker', ['exec', '-i', (await platform.container('backup-scheduler')).id, 'flock', '--no-fork', '/run/pgbackrest/ledger1-backup-1.lock', 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(other.stdout, 'data');
    const second = await platform.command('backup', '--cluster', 'ledger1');
    expect(second.exitCode).toBe(4);
    expect(second.stderr).toContain('another backup of this cluster is being taken');
  } finally {
    other.stdin.end();
    await once(other, 'close');
  }
});

for (const [words, told] of [
  [['backup', '--cluster', 'ledger9'], 'there is no cluster "ledger9"'],
  [['backup', '--type', 'weekly'], 'Allowed choices are full, diff, incr'],
  [['backups', 'remove', '20000101-000000F', '--cluster', 'core', '--yes'], 'core has no backup "20000101-000000F"'],
  [['backups', 'add-repository'], 'say where'],
  [['backups', 'add-repository', '--s3-bucket', 'bank'], 'an object store needs --s3-endpoint, --s3-region, --s3-key-file, --s3-secret-file as well'],
] as const) {
  test(`a mistake could be answered by a riddle: ${words.join(' ')}`, async () => {
    const outcome = await platform.command(...words);
    expect(outcome.exitCode).toBe(2);
    expect(outcome.stderr).toContain(told);
  });
}

test('a node that was taken over could have backups deleted', async () => {
  test.slow();
  await take('full', 'core');
  const before = fullsOf('core', await list()).map(({ label }) => label);
  if (before.length < 2) before.push((await take('full', 'core')).label);
  const leader = (await platform.container(await platform.leaderOf('core'))).id;
  const outcome = await run('docker', ['exec', leader, 'pgbackrest', '--stanza=core', '--repo1-retention-full=1', '--log-level-console=error', 'expire']);
  expect(outcome.exitCode).not.toBe(0);
  expect(outcome.stdout + outcome.stderr).toContain('Read-only file system');
  expect(fullsOf('core', await list()).map(({ label }) => label)).toEqual(before);
});
