import { docker } from '../../../platform/cli/run.ts';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';
import { syncsInTime, syncsLate } from '../late-syncs.ts';

const KEY = 'alert-test';

export const etcdFaults: readonly Fault[] = [
  { alert: 'EtcdNoLeader', what: 'etcd is told of a second member, which never comes', labels: {}, make: addMember, undo: beginAnew, scaled: { for: '15s' }, alone: true },
  {
    alert: 'EtcdSlowDisk', what: 'etcd waits 300 ms longer for its disk', labels: {}, make: syncsLate('etcd', 'etcd', 300), undo: syncsInTime('etcd'),
    scaled: { for: '15s', number: ['1', '0.2'], range: ['15m', '1m'] }, touches: ['etcd', 'core', 'ledger0', 'ledger1'],
  },
  {
    alert: 'EtcdNearQuota', what: 'somebody writes a mebibyte to etcd sixteen times', labels: {}, make: fill, tidy: async (platform) => { await platform.inside('etcd', 'etcdctl', 'del', KEY); },
    scaled: { for: '15s', number: ['0.8', '0.04'] }, touches: ['etcd'], always: true,
  },
];

/** Two members decide nothing while one of them is not there. */
async function addMember(platform: Platform): Promise<void> {
  await platform.inside('etcd', 'etcdctl', 'member', 'add', 'nobody', '--peer-urls=http://127.0.0.1:2399');
}

/**
 * With an empty volume, as its page says: Patroni writes everything anew. One that went on would take it for an etcd that is behind, as its raft term is lower, and have no replicas.
 * Prometheus and Alertmanager, which `down` stops as well, go on: they would forget what fired, and nobody would be told of its end.
 */
async function beginAnew(platform: Platform): Promise<void> {
  const nodes = Object.values(platform.instance.clusters).flatMap((cluster) => cluster.nodes);
  await platform.instance.compose(['stop', ...nodes]);
  await docker('rm', '--force', (await platform.container('etcd')).id);
  await docker('volume', 'rm', `${platform.instance.name}_etcd`);
  const { exitCode, stdout, stderr } = await platform.command('up');
  if (exitCode !== 0) throw new Error(`up: ${(stderr || stdout).slice(-500)}`);
}

/** The same key each time: what fills it is the history that nobody has compacted yet. */
async function fill(platform: Platform): Promise<void> {
  for (let time = 0; time < 16; time++) await platform.inside('etcd', 'sh', '-c', `head -c 1000000 /dev/urandom | base64 -w 0 | etcdctl put ${KEY}`);
}
