import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chain, firstFault, GENESIS_PREVIOUS_HASH, hashOf, type Content, type Entry } from './chain.ts';

const genesis: Content = { sequence: 0n, recordedAt_ms: 0n, topic: 'genesis', epoch: 0, shard: 0, eventSequence: 0n, event: '{}' };
const head = { sequence: 0n, hash: hashOf(genesis, GENESIS_PREVIOUS_HASH) };
const entries = chain(head, Array.from({ length: 5 }, (_, index) => ({
  recordedAt_ms: 1_800_000_000_000n, topic: 'ledger.events', epoch: 1, shard: 0, eventSequence: BigInt(index + 1), event: `{"amount":"${index}"}`,
})));
const changed = (index: number, change: Partial<Entry>): Entry[] => entries.map((entry, at) => (at === index ? { ...entry, ...change } : entry));

test('the hash is the one that sha256sum gives of the documented lines', () => {
  // printf 'holdfast-audit-1\n0\n%064d\n0\ngenesis\n0\n0\n0\n{}' 0 | sha256sum
  expect(head.hash.toString('hex')).toBe('39e9c317c5b5a0d5c289741eb8c61aa82fd5b8af55ca512689a56b364b477653');
});

describe('a chain', () => {
  test('that nobody touched has no fault, as a whole and in part', () => {
    expect(firstFault(head, entries)).toBeUndefined();
    expect(firstFault(entries[1]!, entries.slice(2))).toBeUndefined();
  });

  test.each<[string, Partial<Entry>]>([
    ['event', { event: '{"amount":"1000000"}' }], ['topic', { topic: 'users.events' }], ['epoch', { epoch: 2 }], ['shard', { shard: 1 }], ['event sequence', { eventSequence: 9n }], ['time', { recordedAt_ms: 1_799_999_999_999n }],
  ])('shows a changed %s', (_, change) => {
    expect(firstFault(head, changed(2, change))).toEqual({ sequence: 3n, fault: 'content_changed' });
  });

  test('shows an entry that was rewritten together with its hash, at the one after it', () => {
    const forged = { ...entries[2]!, event: '{"amount":"1000000"}' };
    expect(firstFault(head, changed(2, { ...forged, hash: hashOf(forged, forged.previousHash) }))).toEqual({ sequence: 4n, fault: 'not_chained' });
  });

  test('shows an entry that was taken out, put in, or moved', () => {
    expect(firstFault(head, entries.toSpliced(2, 1))).toEqual({ sequence: 3n, fault: 'missing' });
    expect(firstFault(head, entries.toSpliced(2, 0, entries[1]!))).toEqual({ sequence: 3n, fault: 'missing' });
    expect(firstFault(head, [entries[1]!, entries[0]!])).toEqual({ sequence: 1n, fault: 'missing' });
  });
});

test('no two different entries have the same hash, whatever their texts hold', () => {
  const content = fc.record({
    sequence: fc.bigInt({ min: 1n, max: 20n }), recordedAt_ms: fc.bigInt({ min: 0n, max: 20n }), topic: fc.constantFrom('a', 'b'), epoch: fc.nat(20), shard: fc.nat(20),
    eventSequence: fc.bigInt({ min: 0n, max: 20n }), event: fc.string({ unit: fc.constantFrom('\n', '1', '0', '{') }),
  });
  fc.assert(fc.property(content, content, (one, other) => {
    const same = JSON.stringify(one, text) === JSON.stringify(other, text);
    expect(hashOf(one, GENESIS_PREVIOUS_HASH).equals(hashOf(other, GENESIS_PREVIOUS_HASH))).toBe(same);
  }));
});

const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
