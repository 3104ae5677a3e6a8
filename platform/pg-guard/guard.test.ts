import { expect, test } from '@jest/globals';
import { Guard } from './guard.ts';
import type { Key } from './keys.ts';
import { metricsOf } from './metrics.ts';
import type { Sighting } from './watch.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const STRICT = '{"synchronous_mode":true,"synchronous_mode_strict":true}';

test('the lead of a dead leader is freed, once', async () => {
  const { guard, etcd, host } = world();
  await guard.read(NOW);
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
  host.delete('80eb041a8601');
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(false);
  await guard.watch(NOW);
  await guard.read(NOW);
  expect(guard.told()).toEqual([{ cluster: 'ledger0', leaderSeen: false, needsReplica: false, riskUntilMs: undefined, freed: 1 }]);
});

test('where nothing is acknowledged by one node alone, the lead is not taken from a leader that Docker is about to start anew', async () => {
  const { guard, etcd, host } = world(STRICT);
  await guard.read(NOW);
  host.delete('80eb041a8601');
  await guard.watch(NOW);
  await guard.watch(NOW + 9_000);
  expect(etcd.has('leader')).toBe(true);
  host.set('80eb041a8601', { pid: 900, start: '200' });
  etcd.put('leader', 'ledger0-a');
  await guard.read(NOW + 9_500);
  await guard.watch(NOW + 9_500);
  host.delete('80eb041a8601');
  // It is dead once more, and has all the time again.
  await guard.watch(NOW + 12_000);
  expect(etcd.has('leader')).toBe(true);
  await guard.watch(NOW + 22_000);
  expect(etcd.has('leader')).toBe(false);
});

test('a node that is back and has taken its lead anew keeps it, though the old process is dead', async () => {
  const { guard, etcd, host } = world();
  await guard.read(NOW);
  host.set('80eb041a8601', { pid: 900, start: '200' });
  etcd.put('leader', 'ledger0-a');
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
  expect(guard.told()).toMatchObject([{ leaderSeen: true, freed: 0 }]);
});

test('another node that leads by now keeps its lead', async () => {
  const { guard, etcd, host } = world();
  await guard.read(NOW);
  host.delete('80eb041a8601');
  etcd.put('leader', 'ledger0-b');
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
});

test('what else has changed is read first, and then the dead leader’s lead is freed all the same', async () => {
  const { guard, etcd, host } = world();
  await guard.read(NOW);
  host.delete('80eb041a8601');
  etcd.put('config', '{"synchronous_mode":true,"synchronous_mode_strict":false,"ttl":30}');
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(false);
});

test('a replica that fell out of step at the last moment is not given the lead', async () => {
  const { guard, etcd, host } = world();
  await guard.read(NOW);
  host.delete('80eb041a8601');
  etcd.put('sync', '{"leader":"ledger0-a","sync_standby":null}');
  for (let turn = 0; turn < 3; turn++) await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
});

test('a leader that was never seen alive is not declared dead', async () => {
  const { guard, etcd, host } = world();
  host.delete('80eb041a8601');
  await guard.read(NOW);
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(true);
  expect(metricsOf(guard.told())).toContain('pg_guard_leader_seen{cluster="ledger0"} 0\n');
});

test('an answer of etcd that is lost is no reason to give up', async () => {
  const { guard, etcd, host } = world();
  await guard.read(NOW);
  host.delete('80eb041a8601');
  etcd.silent = true;
  await expect(guard.watch(NOW)).rejects.toThrow('silent');
  etcd.silent = false;
  await guard.watch(NOW);
  expect(etcd.has('leader')).toBe(false);
});

test('an accepted risk shows while it lasts, and is taken back when it ends', async () => {
  const { guard, etcd } = world();
  etcd.put('config', JSON.stringify({ ttl: 20, synchronous_mode: true, synchronous_mode_strict: false, holdfast_accepted_risk: { since: '', until: '2026-01-01T12:00:10Z', reason: 'a disk' } }));
  await guard.read(NOW);
  expect(metricsOf(guard.told())).toContain('pg_guard_commits_need_replica{cluster="ledger0"} 0\n');
  expect(metricsOf(guard.told())).toContain(`pg_guard_accepted_risk_until_timestamp_seconds{cluster="ledger0"} ${NOW / 1000 + 10}\n`);
  await guard.read(NOW + 10_000);
  await guard.read(NOW + 11_000);
  expect(JSON.parse(etcd.value('config'))).toEqual({ ttl: 20, synchronous_mode: true, synchronous_mode_strict: true });
  expect(metricsOf(guard.told())).toContain('pg_guard_commits_need_replica{cluster="ledger0"} 1\n');
  expect(metricsOf(guard.told())).not.toContain('until_timestamp_seconds{');
});

/** etcd's keys with their revisions, in memory: the real one is asked in `leader-lost.integration.test.ts`. */
class Keys {
  silent = false;
  private readonly keys = new Map<string, Key>();
  private revision = 0;

  put(name: string, value: string): void {
    const path = `/service/ledger0/${name}`;
    this.keys.set(path, { name: path, value, revision: String(++this.revision) });
  }

  has(name: string): boolean {
    return this.keys.has(`/service/ledger0/${name}`);
  }

  value(name: string): string {
    return this.keys.get(`/service/ledger0/${name}`)?.value ?? '';
  }

  async below(): Promise<Key[]> {
    return [...this.keys.values()];
  }

  async deleteIf(name: string, unchanged: readonly Key[]): Promise<boolean> {
    return this.when(unchanged, () => this.keys.delete(name));
  }

  async putIf(name: string, value: string, unchanged: readonly Key[]): Promise<boolean> {
    return this.when(unchanged, () => this.put(name.slice('/service/ledger0/'.length), value));
  }

  private when(unchanged: readonly Key[], change: () => unknown): boolean {
    if (this.silent) throw new Error('silent');
    if (!unchanged.every(({ name, revision }) => this.keys.get(name)?.revision === revision)) return false;
    change();
    return true;
  }
}

/** Of a cluster that goes on with a single copy, unless told otherwise. */
function world(config = '{"synchronous_mode":true,"synchronous_mode_strict":false}'): { guard: Guard; etcd: Keys; host: Map<string, Sighting> } {
  const etcd = new Keys();
  etcd.put('config', config);
  etcd.put('leader', 'ledger0-a');
  etcd.put('members/ledger0-a', '{"tags":{"container":"80eb041a8601"}}');
  etcd.put('sync', '{"leader":"ledger0-a","sync_standby":"ledger0-b"}');
  const host = new Map<string, Sighting>([['80eb041a8601', { pid: 700, start: '100' }]]);
  const processes = {
    firstOf: (container: string) => host.get(container),
    lives: ({ pid, start }: Sighting) => [...host.values()].some((one) => one.pid === pid && one.start === start),
  };
  return { guard: new Guard(etcd, processes, () => undefined), etcd, host };
}
