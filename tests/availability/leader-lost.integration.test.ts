import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { docker } from '../../platform/cli/run.ts';
import { ALL_WAIT, CLUSTER_WHOLE, LEADS_ALONE, WRITTEN } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { SmallCluster } from './small-cluster.ts';
import { Writers } from './writers.ts';

/** The product's own Postgres cluster, etcd, router and guard; its leader is lost with all its data. */
jest.setTimeout(300_000);

const WRITERS = 32;
const ENOUGH = 1_000;
let cluster: SmallCluster;

beforeAll(async () => {
  cluster = await SmallCluster.start(`ha-test-${randomBytes(3).toString('hex')}`);
  const { leader } = await cluster.whole();
  await cluster.sql(leader, 'CREATE TABLE written (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now()); GRANT INSERT, SELECT ON written TO setup');
});

/** Also those of a test that has failed: they would write on in the next one. */
const writing = new Set<Writers>();
afterEach(async () => {
  await Promise.all([...writing].map((writers) => writers.stop()));
  writing.clear();
});

afterAll(() => cluster.purge());

test('the settings that measured best are those in use', async () => {
  const { leader, replica } = await cluster.whole();
  const config = JSON.parse(await cluster.inside(leader, 'curl', '-s', '--cacert', '/run/holdfast/ca.crt', `https://${leader}:8008/config`)) as object;
  expect(config).toMatchObject({
    ttl: 20, loop_wait: 1, retry_timeout: 3, primary_start_timeout: 10, primary_stop_timeout: 15, failsafe_mode: true, synchronous_mode: true, synchronous_mode_strict: true,
    postgresql: { use_pg_rewind: true, use_slots: true, parameters: { wal_log_hints: 'on' } },
  });
  expect(await cluster.sql(leader, "SELECT current_setting('synchronous_standby_names') || ' ' || current_setting('synchronous_commit') || ' ' || current_setting('data_checksums')")).toBe(`"${replica}" on on`);
  const router = await cluster.inside('pg-router', 'cat', '/etc/haproxy/haproxy.cfg');
  for (const setting of ['retries 0', 'option redispatch', 'timeout connect 500ms', 'timeout queue 10s', 'fastinter 100ms', 'fall 2 rise 1 observe layer4', 'on-marked-down shutdown-sessions']) expect(router).toContain(setting);
  expect(await cluster.guardMetric('pg_guard_leader_seen')).toBe(1);
});

test('leader and data are lost for good while many write: what was acknowledged is there', async () => {
  const freed = await cluster.guardMetric('pg_guard_leaders_freed_total');
  const { leader, replica } = await cluster.whole();
  const writers = await start(WRITERS);
  await acknowledgedMore(writers, ENOUGH);
  await cluster.destroy(leader);
  await cluster.leads(replica);
  expect(await missing(replica, await writers.stop())).toBe(0);
  expect(await cluster.guardMetric('pg_guard_leaders_freed_total')).toBe(freed + 1);
  await cluster.start(leader);
  await cluster.whole();
});

test('WAL that the lost leader could not archive any more is missing in the repository for ever', async () => {
  const { leader, replica } = await cluster.whole();
  const repository = await cluster.id('pgbackrest');
  // It gives the cluster its place in the repository.
  await cluster.start('backup-scheduler');
  await within(CLUSTER_WHOLE, 'WAL to arrive in the repository', async () => ((await archivedSegments()).length > 0 ? true : undefined));
  await docker('stop', '--time', '1', repository);
  await threeSegments(leader);
  const written = await cluster.sql(leader, 'SELECT pg_walfile_name(pg_current_wal_lsn())');
  await within(CLUSTER_WHOLE, 'the replica to have it all', async () => ((await cluster.sql(replica, 'SELECT pg_last_wal_receive_lsn()')) >= (await cluster.sql(leader, 'SELECT pg_current_wal_flush_lsn()')) ? true : undefined));
  await cluster.destroy(leader);
  // A repository that is away, too, may not hold the failover up.
  await cluster.leads(replica, LEADS_ALONE);
  await docker('start', repository);
  await archivedWithoutGap(written);
  await cluster.start(leader);
  await cluster.whole();
});

test('the same with a replica that is held back: nothing more is acknowledged, and nothing is lost', async () => {
  const lost = await loseWithReplicaHeldBack(async () => {
    const { leader } = await cluster.whole();
    await within(ALL_WAIT, 'every writer to wait for the replica', async () =>
      ((await cluster.sql(leader, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'setup'")) === String(WRITERS) ? true : undefined));
  });
  expect(lost).toBe(0);
});

test('the control: where commits do not wait for the replica, the same loses what was acknowledged', async () => {
  await cluster.configure({ synchronous_mode: false });
  const { leader } = await cluster.state();
  await within(CLUSTER_WHOLE, 'commits not to wait', async () => ((await cluster.sql(leader ?? '', 'SHOW synchronous_standby_names')) === '' ? true : undefined));
  const lost = await loseWithReplicaHeldBack((writers) => acknowledgedMore(writers, ENOUGH));
  expect(lost).toBeGreaterThanOrEqual(ENOUGH - WRITERS);
});

test('a leader that hangs while it stops could hold a switchover up for ever', async () => {
  const { leader, replica } = await cluster.whole();
  const writers = await start(WRITERS);
  await acknowledgedMore(writers, ENOUGH);
  // As one whose archive command waits for a file server that is away: Postgres does not end before it has.
  const archiver = await cluster.sql(leader, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'archiver'");
  await cluster.inside(leader, 'sh', '-c', `kill -STOP ${archiver}`);
  await threeSegments(leader);
  const outcome = await cluster.command('switchover', 'ledger0');
  expect(outcome).toMatchObject({ exitCode: 0 });
  await cluster.leads(replica);
  expect(await missing(replica, await writers.stop())).toBe(0);
  // What the archiver that hung could not archive.
  await archivedWithoutGap(await cluster.sql(replica, 'SELECT pg_walfile_name(pg_current_wal_lsn())'));
  await cluster.whole();
});

async function start(count: number): Promise<Writers> {
  const writers = await Writers.start(cluster, count);
  writing.add(writers);
  return writers;
}

async function acknowledgedMore(writers: Writers, count: number): Promise<void> {
  const before = writers.acknowledged.length;
  await within(WRITTEN, `${count} more rows acknowledged`, async () => (writers.acknowledged.length >= before + count ? true : undefined));
}

/** The leader and its data go for good, while the replica receives nothing; `meanwhile` decides when. How many acknowledged rows the next leader lacks. */
async function loseWithReplicaHeldBack(meanwhile: (writers: Writers) => Promise<void>): Promise<number> {
  const { leader, nodes } = await cluster.state();
  const replica = nodes.find(({ role }) => role === 'replica')?.node;
  if (leader === null || replica === undefined) throw new Error('the cluster is not whole');
  const writers = await start(WRITERS);
  await acknowledgedMore(writers, ENOUGH);
  const held = await cluster.holdBack(replica);
  await meanwhile(writers);
  await cluster.destroy(leader);
  await held.letGo();
  await cluster.leads(replica);
  const lost = await missing(replica, await writers.stop());
  await cluster.configure({ synchronous_mode: true });
  await cluster.start(leader);
  await cluster.whole();
  return lost;
}

/** Of WAL, that only the two nodes have while nothing is archived. */
async function threeSegments(leader: string): Promise<void> {
  for (let n = 0; n < 3; n++) await cluster.sql(leader, 'SELECT pg_log_standby_snapshot(), pg_switch_wal()');
}

async function archivedWithoutGap(written: string): Promise<void> {
  await within(CLUSTER_WHOLE, `the repository to have everything before ${written}`, async () => {
    const archived = await archivedSegments();
    const gaps = archived.slice(1).filter((segment, index) => segment !== (archived[index] ?? 0) + 1);
    return archived.at(-1)! >= segmentNumber(written) - 1 && gaps.length === 0 ? true : undefined;
  });
}

/** Numbers of the segments that the repository has, whatever their timelines, in their order. */
async function archivedSegments(): Promise<number[]> {
  const listed = await cluster.inside('pgbackrest', 'find', '/var/lib/pgbackrest/archive/ledger0', '-name', '????????????????????????-*');
  return [...new Set(listed.trim().split('\n').map((path) => segmentNumber(path.slice(path.lastIndexOf('/') + 1))))].toSorted((a, b) => a - b);
}

/** Of a name such as 00000002000000000000001A: log and number, 16 MB each, without the timeline. */
function segmentNumber(name: string): number {
  return Number.parseInt(name.slice(8, 16), 16) * 256 + Number.parseInt(name.slice(16, 24), 16);
}

async function missing(node: string, acknowledged: readonly string[]): Promise<number> {
  const there = new Set((await cluster.sql(node, 'SELECT id FROM written')).split('\n'));
  return acknowledged.filter((id) => !there.has(id)).length;
}
