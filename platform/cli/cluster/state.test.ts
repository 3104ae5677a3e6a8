import { expect, test } from '@jest/globals';
import { postgresClusters } from '../../components.ts';
import type { Container } from '../containers.ts';
import { clusterNamed } from './nodes.ts';
import { printed } from './print.ts';
import { stateOf, type Answers, type ClusterState } from './state.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const ledger0 = clusterNamed('ledger0', { clusters: postgresClusters });
const LEADER = { state: 'running', role: 'primary', timeline: 3, xlog: { location: 5000 }, dcs_last_seen: NOW / 1000 };
const REPLICA = { state: 'running', role: 'replica', timeline: 3, xlog: { replayed_location: 4000 }, replication_state: 'streaming', sync_standby: true, dcs_last_seen: NOW / 1000 };
const STRICT = { synchronous_mode: true, synchronous_mode_strict: true };

test('a whole cluster has no trouble', () => {
  const state = read({ a: LEADER, b: REPLICA, config: STRICT });
  expect(state).toMatchObject({ leader: 'ledger0-a', needs_replica: true, paused: false, troubles: [], nodes: [{ role: 'leader' }, { role: 'replica', behind_bytes: 1000, in_step: true }] });
  expect(printed(state)).toContain('● ledger0: ledger0-a leads, ledger0-b in step follows');
  expect(printed(state)).toContain('| Leader ');
});

test.each([
  ['both nodes are gone', { a: undefined, b: undefined, containers: ['stopped', 'absent'] }, ['no leader: writes are refused', 'not in the cluster: ledger0-a (container stopped), ledger0-b (container absent)']],
  ['nobody leads yet', { a: { state: 'starting', role: 'replica' }, b: REPLICA, config: STRICT }, ['no leader: writes are refused', 'not in the cluster: ledger0-a (starting)']],
  ['the replica is gone', { a: LEADER, b: undefined, containers: ['healthy', 'stopped'], config: STRICT }, ['no replica in step: writes are refused until there is one', 'not in the cluster: ledger0-b (container stopped)']],
  ['the replica has lost the stream', { a: LEADER, b: { ...REPLICA, replication_state: 'in archive recovery' }, config: STRICT }, ['no replica in step: writes are refused until there is one']],
  ['an old leader has not noticed', { a: LEADER, b: { ...LEADER, timeline: 4 }, config: STRICT }, ['ledger0-a and ledger0-b both say that they lead: only the one that etcd names can acknowledge a commit; the other is about to step down', 'no replica in step: writes are refused until there is one']],
  ['Patroni hangs', { a: LEADER, b: undefined, containers: ['healthy', 'unhealthy'], config: STRICT }, ['no replica in step: writes are refused until there is one', 'not in the cluster: ledger0-b (Patroni does not answer)']],
  ['etcd is away', { a: { ...LEADER, dcs_last_seen: NOW / 1000 - 30 }, b: REPLICA, config: STRICT }, ['etcd has not answered for 30 s: the leader goes on, but nobody could take over']],
  ['Patroni is paused', { a: { ...LEADER, pause: true }, b: REPLICA, config: STRICT }, ['Patroni is paused: nobody takes over from a leader that is lost']],
  ['somebody has changed the settings by hand', { a: LEADER, b: REPLICA, config: { synchronous_mode: false } }, ['commits do not wait for a replica, and nobody has accepted that risk']],
  ['a risk is accepted', { a: LEADER, b: undefined, containers: ['healthy', 'stopped'], config: { ...STRICT, synchronous_mode_strict: false, holdfast_accepted_risk: { since: '', until: '2026-01-01T16:00:00Z', reason: 'a disk' } } },
    ['no replica in step: the cluster goes on with one copy', 'not in the cluster: ledger0-b (container stopped)', 'a single copy is accepted until 2026-01-01T16:00:00Z: a disk']],
  ['a risk should have ended', { a: LEADER, b: REPLICA, config: { ...STRICT, synchronous_mode_strict: false, holdfast_accepted_risk: { since: '', until: '2026-01-01T11:00:00Z', reason: 'a disk' } } }, ['an accepted risk should have ended: pg-guard ends it, does it run?']],
] as const)('%s: it is said', (_, world, troubles) => {
  const state = read(world);
  expect(state.troubles).toEqual(troubles);
  expect(printed(state)).toMatch(/^○ ledger0/);
});

test('who took the lead, when and why', () => {
  const state = read({ a: LEADER, b: REPLICA, config: STRICT, history: [[1, 100, 'no recovery target specified', '2026-01-01T11:00:00.5+00:00', 'ledger0-b'], [2, 200, 'no recovery target specified'], 'nonsense'] });
  expect(state.history).toEqual([
    { timeline: 1, lsn: 100, reason: 'no recovery target specified', at: '2026-01-01T11:00:00.5+00:00', leader: 'ledger0-b' },
    { timeline: 2, lsn: 200, reason: 'no recovery target specified', at: null, leader: null },
  ]);
  expect(printed(state)).toContain('timeline 2 since 2026-01-01T11:00:00: ledger0-b');
});

interface World { a: object | undefined; b: object | undefined; config?: object; containers?: readonly string[]; history?: readonly unknown[] }

function read({ a, b, config, containers = ['healthy', 'healthy'], history = [] }: World): ClusterState {
  const node = (name: string, health: string | undefined): Answers['nodes'][number]['node'] => ({ name, container: health === 'absent' ? undefined : ({ health } as Container) });
  return stateOf(ledger0, { nodes: [{ node: node('ledger0-a', containers[0]), status: a }, { node: node('ledger0-b', containers[1]), status: b }], config, history }, NOW);
}
