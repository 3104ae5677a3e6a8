import { beforeEach, describe, expect, test } from '@jest/globals';
import { toThePoint, type Parts } from './to-the-point.ts';
import { goOn, type ClusterUndertaking, type Undertaking } from './undertaking.ts';

const part = (cluster: string): ClusterUndertaking => ({ cluster, node: `${cluster}-a`, others: [`${cluster}-b`], ended_timeline: 1, source: { kind: 'repository', backup: 'F', options: [] } });

let undertaking: Undertaking;
let happened: string[];

beforeEach(() => {
  happened = [];
  undertaking = {
    id: '20260131t100000', kind: 'restore', to: '2026-01-31T09:59:00Z', by: 'test', reason: 'a test', began_at: '2026-01-31T10:00:00Z', stopped: [], done: [], old_data: 'kept',
    clusters: [part('ledger0'), part('ledger1')],
  };
});

/** Each in its own time, as long as nothing is said. */
const all: Parts = {
  archive: () => happens('archived'),
  fetch: ({ cluster }) => happens(`${cluster} copied`),
  recover: async ({ cluster }, _, begun, mayOpen) => {
    begun();
    await happens(`${cluster} replayed`);
    await mayOpen();
    await happens(`${cluster} opened`);
  },
  stop: () => happens('stopped'),
};

async function happens(what: string): Promise<void> {
  await new Promise(setImmediate);
  happened.push(what);
}

const run = (parts: Partial<Parts>): Promise<void> => goOn(undertaking, [toThePoint(undertaking, { ...all, ...parts })], () => Promise.resolve(), (_, work) => work(() => undefined));
const before = (first: string, second: string): boolean => happened.includes(first) && happened.indexOf(first) < happened.indexOf(second);

describe('a restore to a point', () => {
  test('could open what it recovered while somebody is still served, or replay WAL that is not archived', async () => {
    await run({ archive: async () => { await new Promise((resolve) => { setTimeout(resolve, 20); }); await happens('archived'); } });
    for (const cluster of ['ledger0', 'ledger1']) {
      expect(before('archived', `${cluster} replayed`)).toBe(true);
      expect(before('stopped', `${cluster} opened`)).toBe(true);
    }
    expect(undertaking.done.toSorted()).toEqual(['archive', 'fetch ledger0', 'fetch ledger1', 'recover ledger0', 'recover ledger1', 'silence']);
  });

  test('could stop everybody for a copy that has long to go', async () => {
    const slow = Promise.withResolvers<void>();
    const running = run({ fetch: async (one) => { if (one.cluster === 'ledger1') await slow.promise; await happens(`${one.cluster} copied`); } });
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(happened).toContain('ledger0 replayed');
    expect(happened).not.toContain('stopped');
    slow.resolve();
    await running;
    expect(before('ledger1 copied', 'stopped')).toBe(true);
  });

  test.each([
    ['a copy', { fetch: ({ cluster }) => (cluster === 'ledger1' ? Promise.reject(new Error('it failed')) : happens('copied')) }],
    ['a recovery', {
      fetch: async ({ cluster }) => { if (cluster === 'ledger0') for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate); },
      recover: ({ cluster }, _, begun) => { if (cluster === 'ledger1') return Promise.reject(new Error('it failed')); begun(); return Promise.resolve(); },
    }],
    ['the archive', { archive: () => Promise.reject(new Error('it failed')) , fetch: () => new Promise((resolve) => { setTimeout(resolve, 20); }) }],
  ] satisfies [string, Partial<Parts>][])('could stop everybody though %s has failed already', async (_, parts) => {
    await expect(run(parts)).rejects.toThrow('it failed');
    expect(happened).not.toContain('stopped');
  });

  test('could open what it recovered though not all have stopped', async () => {
    await expect(run({ stop: () => Promise.reject(new Error('a service does not stop')) })).rejects.toThrow('a service does not stop');
    expect(happened.filter((what) => what.endsWith('opened'))).toEqual([]);
  });

  test('that goes on could stop everybody long before its WAL is replayed again', async () => {
    undertaking.done = ['archive', 'fetch ledger0', 'fetch ledger1'];
    await run({ recover: async ({ cluster }, _, begun, mayOpen) => {
      await happens(`${cluster} brought back to its backup`);
      begun();
      await mayOpen();
    } });
    for (const cluster of ['ledger0', 'ledger1']) expect(before(`${cluster} brought back to its backup`, 'stopped')).toBe(true);
  });

  test('that goes on when all have stopped could end without a word where a copy fails', async () => {
    undertaking.done = ['archive', 'silence'];
    await expect(run({ fetch: () => Promise.reject(new Error('the repository is away')) })).rejects.toThrow('the repository is away');
  });
});
