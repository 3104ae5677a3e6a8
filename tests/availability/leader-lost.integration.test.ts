import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { docker, run } from '../../platform/cli/run.ts';
import { ALL_WAIT, CLUSTER_WHOLE, WRITTEN } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { SmallCluster } from './small-cluster.ts';
import { Writers } from './writers.ts';

/** The product's own Postgres cluster, etcd, router and guard; one after the other its leader is lost in every way. */
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
    ttl: 20, loop_wait: 1, retry_timeout: 3, primary_start_timeout: 0, failsafe_mode: true, synchronous_mode: true, synchronous_mode_strict: true,
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

test('a leader that comes back with commits that nobody has heard of drops them and follows', async () => {
  const { leader, replica } = await cluster.whole();
  const held = await cluster.holdBack(replica);
  const unheard = run('docker', ['exec', await cluster.id(leader), 'psql', '-X', '-d', 'ledger', '-c', "INSERT INTO written (id) VALUES ('00000000-0000-0000-0000-000000000001')"]);
  await within(ALL_WAIT, 'the commit to wait for the replica', async () => ((await cluster.sql(leader, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")) === '1' ? true : undefined));
  await docker('kill', await cluster.id(leader));
  await held.letGo();
  expect((await unheard).exitCode).not.toBe(0);
  await cluster.leads(replica);
  await cluster.start(leader);
  expect(await cluster.whole()).toEqual({ leader: replica, replica: leader });
  const rows = 'SELECT count(*), md5(string_agg(id::text, \'\' ORDER BY id)), count(*) FILTER (WHERE id = \'00000000-0000-0000-0000-000000000001\') FROM written';
  const [ofLeader, ofReplica] = await Promise.all([cluster.sql(replica, rows), cluster.sql(leader, rows)]);
  expect(ofReplica).toBe(ofLeader);
  expect(ofLeader).toMatch(/\|0$/);
});

test('a leader that is cut off refuses writes, and nobody frees its lead before its time', async () => {
  const freed = await cluster.guardMetric('pg_guard_leaders_freed_total');
  const { leader, replica } = await cluster.whole();
  const id = await cluster.id(leader);
  await docker('network', 'disconnect', cluster.network, id);
  await cluster.leads(replica);
  const write = await run('docker', ['exec', id, 'timeout', '5', 'psql', '-X', '-d', 'ledger', '-v', 'ON_ERROR_STOP=1', '-c', 'INSERT INTO written (id) VALUES (gen_random_uuid())']);
  expect(write.exitCode).not.toBe(0);
  expect(write.stderr).toMatch(/read-only transaction|No such file|not accepting|starting up|shutting down/);
  expect(await cluster.guardMetric('pg_guard_leaders_freed_total')).toBe(freed);
  await docker('network', 'connect', '--alias', leader, cluster.network, id);
  expect(await cluster.whole()).toEqual({ leader: replica, replica: leader });
});

test('a leader that is frozen is not taken for dead, and follows when it thaws', async () => {
  const freed = await cluster.guardMetric('pg_guard_leaders_freed_total');
  const { leader, replica } = await cluster.whole();
  const id = await cluster.id(leader);
  await docker('pause', id);
  try {
    await cluster.leads(replica);
    expect(await cluster.guardMetric('pg_guard_leaders_freed_total')).toBe(freed);
  } finally {
    await docker('unpause', id);
  }
  expect(await cluster.whole()).toEqual({ leader: replica, replica: leader });
});

test('a planned switchover loses nothing and says how long writes paused; without a replica in step it is refused', async () => {
  const { leader, replica } = await cluster.whole();
  const writers = await start(WRITERS);
  await acknowledgedMore(writers, ENOUGH);
  const outcome = await cluster.command('switchover', 'ledger0', '--json');
  expect(outcome).toMatchObject({ exitCode: 0 });
  const { from, to, gap_ms } = JSON.parse(outcome.stdout) as { from: string; to: string; gap_ms: number };
  expect({ from, to }).toEqual({ from: leader, to: replica });
  expect(gap_ms).toBeGreaterThan(0);
  await acknowledgedMore(writers, ENOUGH);
  expect(await missing(replica, await writers.stop())).toBe(0);

  await docker('stop', await cluster.id(leader));
  await within(CLUSTER_WHOLE, 'the replica to be missed', async () => ((await cluster.command('cluster', 'show', 'ledger0')).stdout.includes('no replica in step') ? true : undefined));
  const refused = await cluster.command('switchover', 'ledger0');
  expect(refused).toMatchObject({ exitCode: 1 });
  expect(refused.stderr).toContain('no replica is in step');
  expect((await cluster.state()).leader).toBe(replica);
  await cluster.start(leader);
  await cluster.whole();
});

test('with the risk accepted a ledger goes on with one copy; it ends by itself', async () => {
  const { leader, replica } = await cluster.whole();
  await docker('stop', await cluster.id(replica));
  const accepted = await cluster.command('cluster', 'accept-risk', 'ledger0', '--for', '10m', '--reason', 'a disk is on its way');
  expect(accepted).toMatchObject({ exitCode: 0 });
  expect(accepted.stdout).toContain('a disk is on its way');
  const writers = await start(1);
  await acknowledgedMore(writers, 10);
  expect(await cluster.guardMetric('pg_guard_commits_need_replica')).toBe(0);
  expect((await cluster.command('cluster', 'show', 'ledger0')).stdout).toContain('a single copy is accepted until');

  // The ten minutes are over.
  await cluster.configure({ holdfast_accepted_risk: { since: '2026-01-01T00:00:00Z', until: '2026-01-01T00:10:00Z', reason: 'a disk is on its way' } });
  await within(CLUSTER_WHOLE, 'commits to wait for a replica again', async () => ((await cluster.guardMetric('pg_guard_commits_need_replica')) === 1 ? true : undefined));
  expect(await cluster.state()).toMatchObject({ needs_replica: true, accepted_risk: null });
  await within(CLUSTER_WHOLE, 'the writer to wait', async () => ((await cluster.sql(leader, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'setup'")) === '1' ? true : undefined));
  await cluster.start(replica);
  await cluster.whole();
  await acknowledgedMore(writers, 10);
  expect(await missing(leader, await writers.stop())).toBe(0);
});

test('a replica is rebuilt by a command', async () => {
  const { leader, replica } = await cluster.whole();
  await cluster.destroy(replica);
  const rebuilt = await cluster.command('cluster', 'rebuild-replica', 'ledger0');
  expect(rebuilt).toMatchObject({ exitCode: 0 });
  expect(await cluster.whole()).toEqual({ leader, replica });
  const rows = 'SELECT count(*), md5(string_agg(id::text, \'\' ORDER BY id)) FROM written';
  expect(await cluster.sql(replica, rows)).toBe(await cluster.sql(leader, rows));
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

async function missing(node: string, acknowledged: readonly string[]): Promise<number> {
  const there = new Set((await cluster.sql(node, 'SELECT id FROM written')).split('\n'));
  return acknowledged.filter((id) => !there.has(id)).length;
}
