import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { must, run } from '../../../platform/cli/run.ts';
import { PROJECT } from '../../../platform/cli/versions.ts';
import type { Platform } from '../../kit/platform.ts';
import { stopped, type Fault } from '../fault.ts';
import { onLeader, replicaOf, asSuperuser, writeWal } from '../superuser.ts';

const REPOSITORY = '/var/lib/pgbackrest/backup';
const VERIFICATIONS = '/var/lib/backup-scheduler/verifications.json';
/** A disk of its own, as Linux has it: a file that is mounted. */
const OTHER_DISK = join(PROJECT, '.holdfast', 'test-reports', 'alerts', 'other-disk');

export const backupsFaults: readonly Fault[] = [
  { alert: 'BackupTooOld', what: 'the backups of ledger1 are hidden, and where they were nothing can be written', labels: { cluster: 'ledger1', type: 'incremental' }, make: hideBackups, undo: findBackups, scaled: { for: '15s' }, touches: ['backup-scheduler'], needs: ['pgbackrest'] },
  { alert: 'BackupDamaged', what: 'six bytes of a full backup of ledger0 are others, and it is verified', labels: { cluster: 'ledger0' }, make: damageBackup, touches: ['backup-scheduler', 'restore-proof'], needs: ['pgbackrest'] },
  { alert: 'BackupNotVerified', what: 'what was verified is forgotten, and cannot be written down', labels: { cluster: 'core' }, make: forgetVerifications, undo: rememberVerifications, scaled: { for: '15s' }, touches: ['backup-scheduler'] },
  {
    alert: 'BackupsShareDisk', what: 'the repository on another disk is given up', labels: {}, prepare: addOtherDisk, make: async (platform) => { await command(platform, 'backups', 'remove-repository'); }, tidy: removeOtherDisk,
    variables: { DIRECTORY: join(OTHER_DISK, 'mounted', 'again') }, scaled: { for: '15s' }, alone: true,
  },
  { alert: 'WalArchiveStalled', what: 'the backup repository is stopped, and WAL is written', labels: { cluster: 'core' }, make: stallArchive, scaled: { for: '0s', number: ['180', '120'] }, touches: ['pgbackrest'] },
  { alert: 'BackupRepositoryFilling', what: 'nothing is broken: the threshold is 99.9 % free', labels: { repository: '1' }, scaled: { for: '15s', number: ['0.10', '0.999'] }, touches: ['backup-scheduler'], needs: ['pgbackrest'] },
  {
    alert: 'LogSnapshotTooOld', what: 'where snapshots of log lines are kept nothing can be written', labels: {}, prepare: (platform) => command(platform, 'backup', '--logs'),
    make: (platform) => allow(platform, '0500'), undo: (platform) => allow(platform, '0700'), scaled: { for: '15s', number: ['1', '0.03'] }, touches: ['elasticsearch', 'backup-scheduler'], alone: true,
  },
  { alert: 'DatabasePagesDamaged', what: 'bytes of a table on the replica of ledger1 are others, and it is backed up', labels: { cluster: 'ledger1' }, make: damagePage, tidy: async (platform) => { await onLeader(platform, 'ledger1', 'postgres', 'DROP TABLE IF EXISTS alert_test'); }, alone: true },
  { alert: 'BackupSchedulerDown', what: 'backup-scheduler is stopped', labels: {}, make: stopped('backup-scheduler'), scaled: { for: '15s' }, touches: ['backup-scheduler'], always: true },
];

async function command(platform: Platform, ...words: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await platform.command(...words);
  if (exitCode !== 0) throw new Error(`${words.join(' ')}: ${(stderr || stdout).slice(-500)}`);
}

/** In the only container that may write where backups are. */
function inScheduler(platform: Platform, script: string): Promise<string> {
  return platform.inside('backup-scheduler', 'sh', '-euc', script);
}

async function hideBackups(platform: Platform): Promise<void> {
  await inScheduler(platform, `mv ${REPOSITORY}/ledger1 ${REPOSITORY}/hidden && mkdir -m 0500 ${REPOSITORY}/ledger1`);
}

async function findBackups(platform: Platform): Promise<void> {
  await inScheduler(platform, `test ! -e ${REPOSITORY}/hidden || { rmdir ${REPOSITORY}/ledger1; mv ${REPOSITORY}/hidden ${REPOSITORY}/ledger1; }`);
}

/** In a file of data, which is encrypted: six bytes spoil the block that they are in, and the one after it. */
async function damageBackup(platform: Platform): Promise<void> {
  await command(platform, 'backup', '--type', 'full', '--cluster', 'ledger0');
  await inScheduler(platform, `
    file=$(find "${REPOSITORY}/ledger0/$(ls ${REPOSITORY}/ledger0 | grep 'F$' | sort | tail -n 1)" -type f -size +8k ! -name 'backup.manifest*' | sort | head -n 1)
    test -n "$file"
    printf broken | dd of="$file" bs=1 seek=4096 conv=notrunc status=none`);
  await platform.command('backups', 'verify', '--cluster', 'ledger0');
}

/** Who may do what with the snapshots of log lines, as their owner decides it. */
async function allow(platform: Platform, mode: string): Promise<void> {
  await platform.inside('elasticsearch', 'chmod', mode, '/var/lib/snapshots');
}

/** A directory where a file is to be written. */
async function forgetVerifications(platform: Platform): Promise<void> {
  await inScheduler(platform, `rm -f ${VERIFICATIONS} && mkdir ${VERIFICATIONS}`);
}

async function rememberVerifications(platform: Platform): Promise<void> {
  await inScheduler(platform, `test ! -d ${VERIFICATIONS} || rmdir ${VERIFICATIONS}`);
}

async function addOtherDisk(platform: Platform): Promise<void> {
  const mounted = join(OTHER_DISK, 'mounted');
  mkdirSync(mounted, { recursive: true });
  await must('truncate', ['-s', '2G', join(OTHER_DISK, 'image')]);
  await must('mkfs.ext4', ['-q', '-F', join(OTHER_DISK, 'image')]);
  await must('mount', ['-o', 'loop', join(OTHER_DISK, 'image'), mounted]);
  for (const name of ['first', 'again']) mkdirSync(join(mounted, name));
  await command(platform, 'backups', 'add-repository', '--path', join(mounted, 'first'));
}

async function removeOtherDisk(platform: Platform): Promise<void> {
  await platform.command('backups', 'remove-repository');
  await run('umount', [join(OTHER_DISK, 'mounted')]);
  await run('rm', ['-rf', OTHER_DISK]);
}

async function stallArchive(platform: Platform): Promise<void> {
  await platform.stop('pgbackrest');
  await writeWal(platform, 'core', 20);
  await writeWal(platform, 'core', 20);
}

/** Backups read the replica. The page is of a table that nobody uses, and on disk before it is spoilt there. */
async function damagePage(platform: Platform): Promise<void> {
  const replica = await replicaOf(platform, 'ledger1');
  await onLeader(platform, 'ledger1', 'postgres', 'DROP TABLE IF EXISTS alert_test', "CREATE TABLE alert_test AS SELECT repeat('x', 100) FROM generate_series(1, 1000)", 'CHECKPOINT');
  const file = (await onLeader(platform, 'ledger1', 'postgres', "SELECT pg_relation_filepath('alert_test')")).trim();
  await asSuperuser(platform, replica, 'postgres', 'CHECKPOINT');
  await platform.inside(replica, 'sh', '-euc', `printf broken | dd of=/var/lib/postgresql/data/${file} bs=1 seek=8400 conv=notrunc status=none`);
  await command(platform, 'backup', '--type', 'full', '--cluster', 'ledger1');
}
