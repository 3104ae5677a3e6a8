import { SCRAPED } from '../../kit/budgets.ts';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import type { Fault } from '../fault.ts';
import { cutOff, letGo } from '../cut-off.ts';
import { asSuperuser, HeldSession, onLeader, replicaOf, writeWal } from '../superuser.ts';

const oldSnapshot = new HeldSession();
const DATA = '/var/lib/postgresql/data';

export const postgresFaults: readonly Fault[] = [
  { alert: 'PostgresReplicaMissing', what: 'the replica of ledger1 is stopped', labels: { cluster: 'ledger1' }, make: async (platform) => platform.stop(await replicaOf(platform, 'ledger1')), touches: ['transactions'] },
  { alert: 'PostgresLeaderMissing', what: 'both nodes of ledger1 are stopped', labels: { cluster: 'ledger1' }, make: async (platform) => { await platform.stop('ledger1-b'); await platform.stop('ledger1-a'); }, touches: ['transactions'], always: true },
  { alert: 'PostgresNodeDown', what: 'the postmaster of core’s replica is frozen: it takes no new connection', labels: { cluster: 'core' }, make: freezePostmaster, scaled: { for: '15s' } },
  {
    alert: 'PostgresReplicaLags', what: 'the process that replays is frozen on the replica of ledger0, and 16 MiB are written', labels: { cluster: 'ledger0' }, make: freezeReplay, undo: thawReplay, undoBefore: 'Check',
    scaled: { for: '15s', number: ['134217728', '8388608'] },
  },
  { alert: 'PostgresFailover', what: 'a switchover of ledger0', labels: { cluster: 'ledger0' }, make: switchOver, scaled: { range: ['15m', '2m'] }, touches: ['transactions'] },
  { alert: 'PostgresPaused', what: 'ledger1 is paused', labels: { cluster: 'ledger1' }, make: async (platform) => { await platform.inside('ledger1-a', 'patronictl', 'pause', '--wait'); }, scaled: { for: '15s' } },
  {
    alert: 'PostgresFailsafe', what: 'what the nodes of core send to etcd is lost', labels: { cluster: 'core' },
    make: async (platform) => { for (const node of ['core-a', 'core-b']) await cutOff(platform, node, 'etcd'); },
    undo: async (platform) => { for (const node of ['core-a', 'core-b']) await letGo(platform, node); }, scaled: { for: '15s' }, touches: ['etcd'],
  },
  { alert: 'PostgresArchiveFails', what: 'the backup repository is stopped, and WAL is written', labels: { cluster: 'ledger0' }, make: async (platform) => { await platform.stop('pgbackrest'); await writeWal(platform, 'ledger0', 1); }, scaled: { for: '15s' }, touches: ['pgbackrest'] },
  { alert: 'PostgresConnectionsNearLimit', what: 'somebody opens 45 connections to the leader of ledger1', labels: { cluster: 'ledger1' }, make: openConnections, undo: closeConnections, undoBefore: 'Check', scaled: { for: '15s', number: ['68', '40'] } },
  { alert: 'PostgresLongTransaction', what: 'a transaction of reporting stays open', labels: { cluster: 'core', usename: 'reporting' }, make: openTransaction, scaled: { for: '15s', number: ['1800', '30'] }, touches: ['reporting'] },
  { alert: 'PostgresDeadlocks', what: 'five times two sessions wait for each other', labels: { cluster: 'core', datname: 'postgres' }, make: (platform) => deadlocks(platform, 5), scaled: { range: ['15m', '2m'] } },
  { alert: 'PostgresXidAge', what: '250,000 transaction ids are used up, while an old transaction keeps them from being frozen', labels: { cluster: 'core' }, make: burnIds('core'), undo: (platform) => oldSnapshot.end(platform), scaled: { for: '15s', number: ['400e6', '200000'] } },
  { alert: 'PostgresXidExhausts', what: '250,000 transaction ids are used up', labels: { cluster: 'ledger1' }, make: burnIds('ledger1'), undo: (platform) => oldSnapshot.end(platform), scaled: { number: ['1.5e9', '200000'] } },
  { alert: 'PostgresWalGrows', what: 'the backup repository is stopped, and 1.7 GiB of WAL are written to core', labels: { cluster: 'core' }, make: growWal, scaled: { for: '15s', number: ['4294967296', '1610612736'] }, touches: ['pgbackrest'], alone: true },
];

/** Patroni keeps the connection that it has, and replication goes on: only who comes anew waits for ever. */
async function freezePostmaster(platform: Platform): Promise<void> {
  await platform.inside(await replicaOf(platform, 'core'), 'sh', '-c', `kill -STOP "$(head -n 1 ${DATA}/postmaster.pid)"`);
}

/** A pause of `pg_wal_replay_pause` would not last: Patroni ends it. What is streamed is written down all the same, so that nobody who pays waits. */
async function freezeReplay(platform: Platform): Promise<void> {
  await signalReplay(platform, 'STOP');
  await writeWal(platform, 'ledger0', 16);
}

/** The page has started it anew, with a new process: this is for a page that did not come so far. */
async function thawReplay(platform: Platform): Promise<void> {
  await signalReplay(platform, 'CONT').catch(() => undefined);
}

async function signalReplay(platform: Platform, signal: 'STOP' | 'CONT'): Promise<void> {
  const node = await replicaOf(platform, 'ledger0');
  const pid = (await asSuperuser(platform, node, 'postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")).trim();
  await platform.inside(node, 'sh', '-c', `kill -${signal} ${pid}`);
}

async function switchOver(platform: Platform): Promise<void> {
  const { exitCode, stderr } = await platform.command('switchover', 'ledger0');
  if (exitCode !== 0) throw new Error(stderr);
}

/** One program with many connections, as a pool that leaks has them; it ends by itself in a quarter of an hour. */
async function openConnections(platform: Platform): Promise<void> {
  const leader = await platform.leaderOf('ledger1');
  await platform.inside(leader, 'sh', '-c', "echo 'SELECT pg_sleep(900)' > /tmp/alert-test.sql");
  await platform.instance.compose(['exec', '-d', leader, 'pgbench', '-n', '-c', '45', '-j', '1', '-t', '1', '-f', '/tmp/alert-test.sql', '-h', '/run/postgresql', '-U', 'postgres', 'postgres']);
}

async function closeConnections(platform: Platform): Promise<void> {
  await onLeader(platform, 'ledger1', 'postgres', "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'pgbench'");
}

/** In the service's own container and with its certificate, so that it ends with the service. */
async function openTransaction(platform: Platform): Promise<void> {
  const program = `
    import pg from 'pg';
    import { readFileSync } from 'node:fs';
    const read = (name) => readFileSync('/run/holdfast/' + name, 'utf8');
    const client = new pg.Client({ host: 'core.postgres', port: 5432, user: 'reporting', database: 'reporting', ssl: { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') } });
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_sleep(1800)');`;
  await platform.instance.compose(['exec', '-d', 'reporting', 'node', '--input-type=module', '-e', program]);
}

/** Each of two sessions has what the other wants; Postgres ends one of them after a second. */
async function deadlocks(platform: Platform, times: number): Promise<void> {
  const leader = await platform.leaderOf('core');
  const counted = async (): Promise<number> => Math.max(-1, ...(await platform.prometheus(`pg_stat_database_deadlocks{instance="${leader}", datname="postgres"}`)).map(({ value }) => value));
  const take = (first: number, second: number): Promise<unknown> =>
    asSuperuser(platform, leader, 'postgres', `BEGIN; SELECT pg_advisory_xact_lock(${first}); SELECT pg_sleep(0.5); SELECT pg_advisory_xact_lock(${second}); COMMIT`).catch(() => undefined);
  await within(SCRAPED, 'a figure before the first deadlock', async () => ((await counted()) >= 0 ? true : undefined));
  for (let time = 0; time < times; time++) await Promise.all([take(4_711, 4_712), take(4_712, 4_711)]);
}

function burnIds(cluster: string): (platform: Platform) => Promise<void> {
  return async (platform) => {
    await oldSnapshot.open(platform, cluster, 'postgres', 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT txid_current()');
    await onLeader(platform, cluster, 'postgres', 'SET synchronous_commit = off', 'DO $$ BEGIN FOR i IN 1..250000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$');
  };
}

async function growWal(platform: Platform): Promise<void> {
  await platform.stop('pgbackrest');
  for (let part = 0; part < 17; part++) await writeWal(platform, 'core', 100);
}
