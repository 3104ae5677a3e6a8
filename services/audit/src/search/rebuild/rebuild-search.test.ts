import { expect, test } from '@jest/globals';
import type { EntryRow } from '../../log/log.store.ts';
import { rebuildSearch, type Chain, type Copy, type Place } from './rebuild-search.ts';

function row(sequence: bigint): EntryRow {
  const event = JSON.stringify({ id: `event ${sequence}`, occurred_at: '2026-02-01T00:00:00.000000Z', actor: 'alice', data: { amount: '5' } });
  return { sequence, previous_hash: Buffer.alloc(32), hash: Buffer.alloc(32, Number(sequence % 251n)), topic: 'ledger.events', epoch: 1, shard: 0, event_sequence: sequence, event, type: 'transfer.posted', trace_id: null, recorded_at_ms: 1_769_904_000_000n };
}

/** A chain of so many entries, of which more come once it is asked for its last. */
function chainOf(count: number): Chain {
  const rows = Array.from({ length: count + 3 }, (_, place) => row(BigInt(place + 1)));
  return { lastSequence: () => Promise.resolve(BigInt(count)), entries: (after, limit) => Promise.resolve(rows.filter(({ sequence }) => sequence > after).slice(0, limit)) };
}

class FakeCopy implements Copy {
  readonly stored = new Map<string, object>();

  create(documents: readonly (Place & { document: object })[]): Promise<number> {
    const fresh = documents.filter(({ id }) => !this.stored.has(id));
    for (const { id, document } of fresh) this.stored.set(id, JSON.parse(JSON.stringify(document)) as object);
    return Promise.resolve(fresh.length);
  }

  read(places: readonly Place[]): Promise<(object | undefined)[]> {
    return Promise.resolve(places.map(({ id }) => this.stored.get(id)));
  }
}

test('an entry could stay lost, or one that is still to come be waited for', async () => {
  const copy = new FakeCopy();
  expect(await rebuildSearch({ chain: chainOf(1_203), copy, say: () => undefined })).toEqual({ entries: 1_203, created: 1_203, differing_count: 0, differing: [] });
  expect(copy.stored.size).toBe(1_203);
  copy.stored.delete('700');
  expect(await rebuildSearch({ chain: chainOf(1_203), copy, say: () => undefined })).toMatchObject({ entries: 1_203, created: 1, differing_count: 0 });
});

test('a document that somebody changed could pass for the entry', async () => {
  const copy = new FakeCopy();
  await rebuildSearch({ chain: chainOf(10), copy, say: () => undefined });
  copy.stored.set('7', { ...copy.stored.get('7'), data: { amount: '6' } });
  expect(await rebuildSearch({ chain: chainOf(10), copy, say: () => undefined })).toMatchObject({ created: 0, differing_count: 1, differing: ['7'] });
});

test('an empty chain is no trouble', async () => {
  expect(await rebuildSearch({ chain: chainOf(0), copy: new FakeCopy(), say: () => undefined })).toMatchObject({ entries: 0, created: 0 });
});
