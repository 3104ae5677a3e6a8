import { expect, test } from '@jest/globals';
import { candidateOf } from '../commands/switchover.ts';
import type { ClusterState, NodeState } from './state.ts';

const leader: NodeState = { node: 'ledger0-a', container: 'healthy', role: 'leader', state: 'running', timeline: 1, started: null, behind_bytes: null, in_step: false };
const replica: NodeState = { ...leader, node: 'ledger0-b', role: 'replica', state: 'streaming', behind_bytes: 0, in_step: true };
const whole: ClusterState = { cluster: 'ledger0', leader: 'ledger0-a', needs_replica: true, accepted_risk: null, paused: false, etcd_unseen_seconds: 0, nodes: [leader, replica], history: [], troubles: [] };

test('the replica in step is to lead', () => {
  expect(candidateOf(whole)).toBe('ledger0-b');
});

test.each([
  ['there is no leader', { leader: null }, 'it has no leader'],
  ['the replica is not in step', { nodes: [leader, { ...replica, in_step: false }] }, 'no replica is in step'],
  ['the replica is gone', { nodes: [leader] }, 'no replica is in step'],
  ['Patroni is paused', { paused: true }, 'Patroni is paused'],
  ['the replica has much to apply', { nodes: [leader, { ...replica, behind_bytes: 100 * 1024 ** 2 }] }, 'still has to apply 100 MiB'],
] as const)('it is refused where %s', (_, change, reason) => {
  expect(() => candidateOf({ ...whole, ...change })).toThrow(reason);
});
