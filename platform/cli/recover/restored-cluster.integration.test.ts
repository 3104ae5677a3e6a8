import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { docker, must, run } from '../run.ts';
import { latestCut } from './cut.ts';
import { RestoreContainer } from './restore-container.ts';
import { lastCommitOf } from './restored-cluster.ts';
import { CHECK_AUDIT_CHAIN } from './streams.ts';

const PASSPHRASE = 'the-passphrase-of-a-test';
const name = `holdfast-test-recover-${randomBytes(4).toString('hex')}`;
const [archive, backup] = [`${name}-archive`, `${name}-backup`];
const image = `${process.env.HOLDFAST_REGISTRY ?? ''}holdfast/postgres:${process.env.HOLDFAST_VERSION ?? '0.1.0'}`;

// A server that archives into an encrypted repository, as a node does; then a backup of it.
const START = `
set -e
umask 027
cat > /run/patroni/pgbackrest.conf
initdb --auth=trust --data-checksums > /dev/null
printf "archive_mode=on\\narchive_timeout=3600\\nlisten_addresses=''\\narchive_command='pgbackrest --stanza=core archive-push %%p'\\n" >> $PGDATA/postgresql.conf
# As after Patroni, whose settings must not survive.
echo '{"synchronous_mode": true}' > $PGDATA/patroni.dynamic.json
pg_ctl -w -l /tmp/log -o "-c synchronous_standby_names=" start > /dev/null
pgbackrest --stanza=core --log-level-console=error stanza-create
psql -qc "CREATE DATABASE audit"
psql -qc "CREATE TABLE witness (n int, at timestamptz DEFAULT clock_timestamp())"
pgbackrest --stanza=core --type=full --log-level-console=error backup
`;
const CONFIGURATION = `[global]\nrepo1-path=/repository\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${PASSPHRASE}\ncompress-type=zst\ncompress-level=1\nrepo1-retention-full=2\nstart-fast=y\nlock-path=/tmp\nlog-level-file=off\n[core]\npg1-path=/var/lib/postgresql/data\npg1-socket-path=/run/postgresql\n`;

const sql = (statement: string, database = 'postgres'): Promise<string> => must('docker', ['exec', '-i', name, 'psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', database, '-f', '-'], { input: statement }).then((text) => text.trim());
const started: RestoreContainer[] = [];

async function restoring(volume?: string): Promise<RestoreContainer> {
  const container = await RestoreContainer.start({ name: `${name}-${started.length}`, registry: process.env.HOLDFAST_REGISTRY ?? '', cluster: 'core', source: { archive, backup, passphrase: PASSPHRASE }, ...(volume !== undefined && { volume }) });
  started.push(container);
  return container;
}

/** Closes the segment of WAL and waits until the repository has it. */
async function archiveAll(): Promise<void> {
  const segment = await sql('SELECT pg_walfile_name(pg_switch_wal())');
  for (let tries = 0; ; tries++) {
    if ((await sql('SELECT last_archived_wal FROM pg_stat_archiver')) >= segment) return;
    if (tries > 300) throw new Error(`${segment} did not reach the repository`);
    await pause(100);
  }
}

beforeAll(async () => {
  await docker('run', '--detach', '--name', name, '--network', 'none', '--memory', '512m', '--user', '6110:6110', '--env', 'PGBACKREST_CONFIG_INCLUDE_PATH=/run/postgresql', '--tmpfs', '/run/patroni:uid=6110,gid=6110', '--tmpfs', '/run/postgresql:uid=6110,gid=6110',
    '--volume', `${archive}:/repository/archive`, '--volume', `${backup}:/repository/backup`, image, 'sleep', 'infinity');
  await docker('exec', '--user', '0:0', name, 'chown', '-R', '6110:6110', '/repository');
  await must('docker', ['exec', '-i', name, 'sh', '-c', START], { input: CONFIGURATION });
  const migration = readFileSync(join(import.meta.dirname, '../../../services/audit/migrations/0001_audit_log.sql'), 'utf8');
  await sql(`CREATE ROLE audit; ${migration}`, 'audit');
  // pgBackRest knows the end of a backup to the second, and restores to no moment of that same second.
  await sql('SELECT pg_sleep(ceil(t) - t) FROM (SELECT extract(epoch FROM clock_timestamp())::float8 AS t) AS now');
  for (let n = 1; n <= 3; n++) {
    await sql(`INSERT INTO witness (n) VALUES (${n})`);
    await archiveAll();
  }
  // As in an installation: for the eyes of the repository's user only.
  await docker('exec', '--user', '0:0', name, 'chown', '-R', '6111:6111', '/repository');
  await docker('exec', '--user', '0:0', name, 'chmod', '0700', '/repository/archive', '/repository/backup');
}, 180_000);

afterAll(async () => {
  await Promise.all(started.map((container) => container.remove()));
  await run('docker', ['rm', '--force', name]);
  await run('docker', ['volume', 'rm', '--force', archive, backup, `${name}-data`]);
}, 60_000);

describe('a cluster that is restored from its repository alone', () => {
  test('its last transaction could be told wrong, and with it how far all clusters go', async () => {
    const container = await restoring();
    const last = (await lastCommitOf(container))?.at;
    const { at } = latestCut([{ cluster: 'core', lastCommit: last }]);
    const [of3, of2] = [await sql('SELECT at AT TIME ZONE \'UTC\' FROM witness WHERE n = 3'), await sql('SELECT at AT TIME ZONE \'UTC\' FROM witness WHERE n = 2')];
    // It commits right after it took its time, and long before the next statement.
    expect(at === undefined ? '' : at >= `${of3}+00` && at > `${of2}+00`).toBe(true);
    await container.restore(undefined);
    expect(await container.replay()).toBeDefined();
    expect(await container.sql('postgres', 'SELECT max(n) FROM witness')).toBe('3');
  }, 120_000);

  test('one that is told a moment could go past it; Patroni could find its own old settings, or those of the restore', async () => {
    const moment = await sql(`SELECT to_char((SELECT at FROM witness WHERE n = 3) AT TIME ZONE 'UTC' - interval '1 millisecond', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`);
    const container = await restoring(`${name}-data`);
    await container.restore(moment);
    await container.replay();
    expect(await container.sql('postgres', 'SELECT max(n) FROM witness')).toBe('2');
    expect(await container.sql('postgres', 'SELECT pg_is_in_recovery()')).toBe('f');
    await container.stop();
    const left = await must('docker', ['run', '--rm', '--network', 'none', '--volume', `${name}-data:/data`, image, 'sh', '-c', 'ls /data/data; grep -v "^#" /data/data/postgresql.auto.conf || true']);
    expect(left).not.toMatch(/patroni\.dynamic\.json|recovery\.signal|recovery_target|restore_command/);
    expect(left).toContain('PG_VERSION');
  }, 120_000);

  test('a try that was interrupted could stand in the way of the next, or mix with it', async () => {
    const container = await restoring(`${name}-data`);
    // As after a kill: data of another moment, a server's lock, a file of the way.
    await must('docker', ['run', '--rm', '--network', 'none', '--user', '0:0', '--volume', `${name}-data:/data`, image, 'sh', '-c', 'echo 1 > /data/data/postmaster.pid; echo nonsense > /data/data/base/left-behind']);
    await container.restore(undefined);
    await container.replay();
    expect(await container.sql('postgres', 'SELECT max(n) FROM witness')).toBe('3');
    expect((await run('docker', ['run', '--rm', '--network', 'none', '--volume', `${name}-data:/data`, image, 'ls', '/data/data/base/left-behind'])).exitCode).not.toBe(0);
  }, 120_000);

  test('one that was restored to one moment, and is to go to an earlier one, could keep its server, or what came after', async () => {
    const moment = await sql(`SELECT to_char((SELECT at FROM witness WHERE n = 3) AT TIME ZONE 'UTC' - interval '1 millisecond', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`);
    const container = await restoring();
    await container.restore(undefined);
    await container.replay();
    expect(await container.sql('postgres', 'SELECT max(n) FROM witness')).toBe('3');
    await container.restore(moment);
    await container.replay();
    expect(await container.sql('postgres', 'SELECT max(n) FROM witness')).toBe('2');
  }, 120_000);

  test('a moment that the WAL does not reach could silently become another', async () => {
    const container = await restoring();
    await container.restore(new Date(Date.now() + 3_600_000).toISOString().replace('T', ' ').replace('Z', '+00'));
    await expect(container.replay()).rejects.toThrow('core did not reach its target: FATAL:  recovery ended before configured recovery target was reached');
  }, 120_000);

  test('a wrong passphrase could look like an empty repository', async () => {
    const container = await RestoreContainer.start({ name: `${name}-wrong`, registry: process.env.HOLDFAST_REGISTRY ?? '', cluster: 'core', source: { archive, backup, passphrase: 'another' } });
    started.push(container);
    const info = await container.info();
    expect(info?.status.code).not.toBe(0);
    expect(JSON.stringify(info?.repo)).toMatch(/crypto|cipher/i);
  }, 60_000);

  test('the repository could be written to', async () => {
    const container = await restoring();
    await expect(container.sql('postgres', 'SELECT 1')).rejects.toThrow();
    const { stderr, exitCode } = await run('docker', ['exec', `${name}-${started.indexOf(container)}`, 'touch', '/repository/backup/core/x']);
    expect([exitCode === 0, /Read-only file system/.test(stderr)]).toEqual([false, true]);
  }, 60_000);
});

describe('the audit chain in what was restored', () => {
  test('one that was changed, or lost an entry, could pass', async () => {
    const container = await restoring();
    await container.restore(undefined);
    await container.replay();
    const append = (n: number): string => `INSERT INTO audit_log (sequence, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type)
      SELECT ${n}, hash, sha256(convert_to('holdfast-audit-1' || E'\\n' || ${n} || E'\\n' || encode(hash, 'hex') || E'\\n' || ${n} || E'\\n' || 'ledger.events' || E'\\n' || 1 || E'\\n' || 0 || E'\\n' || ${n} || E'\\n' || '{"n":${n}}', 'UTF8')),
        ${n}, 'ledger.events', 1, 0, ${n}, '{"n":${n}}', gen_random_uuid(), now(), 'x' FROM audit_log WHERE sequence = ${n - 1}`;
    for (const n of [1, 2, 3]) await container.sql('audit', append(n));
    expect(await container.sql('audit', CHECK_AUDIT_CHAIN)).toBe('4|0');
    // As somebody with the superuser's hands, for whom constraints and triggers are no obstacle.
    const rawly = 'SET session_replication_role = replica; ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS hash_of_content;';
    await container.sql('audit', `${rawly} UPDATE audit_log SET event = '{"n":9}' WHERE sequence = 2`);
    expect(await container.sql('audit', CHECK_AUDIT_CHAIN)).toBe('4|1');
    await container.sql('audit', `${rawly} UPDATE audit_log SET event = '{"n":2}' WHERE sequence = 2; DELETE FROM audit_log WHERE sequence = 1`);
    expect((await container.sql('audit', CHECK_AUDIT_CHAIN)).startsWith('3|0')).toBe(false);
  }, 120_000);
});
