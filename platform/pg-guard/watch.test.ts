import { expect, test } from '@jest/globals';
import { clustersIn, type ClusterKeys, type Key } from './keys.ts';
import { mayBeFreed, nextWatch, stillTrue } from './watch.ts';

const CONTAINER = '80eb041a8601';
const OLD = { pid: 700, start: '100' };
const NEW = { pid: 900, start: '200' };

test('a cluster is read as Patroni writes it', () => {
  expect(keys()).toMatchObject({
    cluster: 'ledger0', leader: { node: 'ledger0-a', key: { revision: '40' } }, leaderContainer: CONTAINER, inStep: ['ledger0-b'], config: { value: { synchronous_mode_strict: true } },
  });
});

test('keys that are not as Patroni writes them free nobody', () => {
  for (const broken of [{ sync: 'no JSON' }, { sync: 'null' }, { config: '{' }, { sync: undefined }, { config: undefined }]) {
    expect(mayBeFreed({ keys: keys(broken), sighting: OLD })).toBe(false);
  }
});

test('the process that is seen after the reading is the one that is watched', () => {
  expect(nextWatch(undefined, keys(), () => OLD).sighting).toEqual(OLD);
  expect(nextWatch(undefined, keys(), () => undefined).sighting).toBeUndefined();
});

test('a node that came back and has not led yet is not taken for the one that led', () => {
  const before = nextWatch(undefined, keys(), () => OLD);
  expect(nextWatch(before, keys(), () => NEW).sighting).toEqual(OLD);
});

test('a node that came back and leads again is watched in its new process: the death of the old one says nothing of it', () => {
  const before = nextWatch(undefined, keys(), () => OLD);
  expect(nextWatch(before, keys({ leaderRevision: '41' }), () => NEW).sighting).toEqual(NEW);
  expect(nextWatch(before, keys({ leaderRevision: '41' }), () => undefined).sighting).toBeUndefined();
});

test('without a leader, or one that does not say where it runs, there is nobody to watch', () => {
  expect(nextWatch(undefined, keys({ leader: undefined }), () => OLD).sighting).toBeUndefined();
  expect(nextWatch(undefined, keys({ member: '{}' }), () => OLD).sighting).toBeUndefined();
});

test('the lead is freed for a node in step only, and never while Patroni is told to pause', () => {
  expect(mayBeFreed({ keys: keys(), sighting: OLD })).toBe(true);
  expect(mayBeFreed({ keys: keys({ sync: '{"leader":"ledger0-a","sync_standby":null}' }), sighting: OLD })).toBe(false);
  expect(mayBeFreed({ keys: keys({ sync: '{"leader":"ledger0-a","sync_standby":"ledger0-a"}' }), sighting: OLD })).toBe(false);
  expect(mayBeFreed({ keys: keys({ config: '{"pause":true}' }), sighting: OLD })).toBe(false);
});

test('what it is decided by must be unchanged: who leads, who is in step, and what Patroni is told', () => {
  expect(stillTrue({ keys: keys(), sighting: OLD }).map(({ name, revision }) => `${name} ${revision}`)).toEqual(['/service/ledger0/leader 40', '/service/ledger0/sync 41', '/service/ledger0/config 3']);
});

interface Variant { leader?: string | undefined; leaderRevision?: string; member?: string; sync?: string | undefined; config?: string | undefined }

function keys(variant: Variant = {}): ClusterKeys {
  const of = { leader: 'ledger0-a', member: `{"tags":{"container":"${CONTAINER}"}}`, sync: '{"leader":"ledger0-a","sync_standby":"ledger0-b"}', config: '{"synchronous_mode":true,"synchronous_mode_strict":true}', ...variant };
  const rows: [string, string | undefined, string][] = [
    ['leader', of.leader, variant.leaderRevision ?? '40'], ['members/ledger0-a', of.member, '90'], ['sync', of.sync, '41'], ['config', of.config, '3'],
  ];
  const written = rows.flatMap(([name, value, revision]): Key[] => (value === undefined ? [] : [{ name: `/service/ledger0/${name}`, value, revision }]));
  const [cluster] = clustersIn(written);
  if (!cluster) throw new Error('no cluster was read');
  return cluster;
}
