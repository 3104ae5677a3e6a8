import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chain, GENESIS_PREVIOUS_HASH, hashOf, type Content, type Entry } from '../log/chain.ts';
import { Walk, type Signed, type TrailFault } from './walk.ts';

const began_ms = 1_800_000_000_000;
const genesis: Content = { sequence: 0n, recordedAt_ms: 0n, topic: 'genesis', epoch: 0, shard: 0, eventSequence: 0n, event: '{}' };
const first: Entry = { ...genesis, previousHash: GENESIS_PREVIOUS_HASH, hash: hashOf(genesis, GENESIS_PREVIOUS_HASH) };
const contents = Array.from({ length: 60 }, (_, index) => ({
  recordedAt_ms: BigInt(began_ms + index * 1_000), topic: 'ledger.events', epoch: 1, shard: 0, eventSequence: BigInt(index + 1), event: `{"amount":"${index}"}`,
}));
const log: readonly Entry[] = [first, ...chain({ sequence: 0n, hash: first.hash }, contents)];
/** A checkpoint every ten entries, the last at 60: entry 60 is not yet signed. */
const signed: readonly Signed[] = [10, 20, 30, 40, 50, 60].map((size) => {
  const walk = new Walk();
  walk.take(log.slice(0, size), []);
  return { size, root: walk.root, time_ms: began_ms + (size - 1) * 1_000 };
});

/** In pages, as it is read, and put aside between them. */
function faultOf(entries: readonly Entry[], page = 7): TrailFault | undefined {
  let walk = new Walk();
  for (let start = 0; start < entries.length; start += page) {
    const fault = walk.take(entries.slice(start, start + page), signed);
    if (fault) return fault;
    walk = new Walk(JSON.parse(JSON.stringify(walk.state())));
  }
  return walk.end(signed);
}

/** What a superuser who knows the code does after his change: numbers and hashes all fit again. */
function rechained(entries: readonly Entry[]): Entry[] {
  const [start, ...others] = entries;
  return [start!, ...chain({ sequence: 0n, hash: start!.hash }, others)];
}

test('a log that nobody touched has no fault, however it is read', () => {
  for (const page of [1, 7, 10, 100]) expect(faultOf(log, page)).toBeUndefined();
});

describe('whoever computes the chain anew after his change is found', () => {
  test('whichever entry he changes, takes out, puts in or moves, and it is within the stretch that is named', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 59 }), fc.constantFrom('change', 'remove', 'insert', 'swap'), (place, act) => {
      const entries = [...log];
      if (act === 'change') entries[place] = { ...entries[place]!, event: '{"amount":"1000000"}' };
      if (act === 'remove') entries.splice(place, 1);
      if (act === 'insert') entries.splice(place, 0, { ...entries[place]!, event: '{"amount":"5"}' });
      if (act === 'swap') [entries[place], entries[place + 1]] = [entries[place + 1]!, entries[place]!];
      const fault = faultOf(rechained(entries));
      expect(fault).toMatchObject({ fault: 'not_as_signed' });
      // The swap of the last signed entry with the first that is not yet signed shows at the signed one.
      expect(place).toBeGreaterThanOrEqual(fault!.from);
      expect(place).toBeLessThanOrEqual(fault!.to);
      expect(fault!.to - fault!.from).toBeLessThanOrEqual(9);
    }));
  });

  test('when he cuts the tail', () => {
    for (const length of [1, 9, 10, 59]) expect(faultOf(log.slice(0, length))).toMatchObject({ fault: 'tail_cut', from: length, to: 59 });
  });

  test('when he writes an entry that claims to be older than what was signed before it', () => {
    const late = { ...contents[59]!, recordedAt_ms: BigInt(began_ms - 3_600_000) };
    expect(faultOf([...log.slice(0, 60), ...chain(log[59]!, [late])])).toMatchObject({ fault: 'clock_turned_back', from: 60 });
  });
});

test('whoever does not is found at the entry', () => {
  expect(faultOf(log.with(33, { ...log[33]!, event: '{}' }))).toMatchObject({ fault: 'content_changed', from: 33, to: 33 });
  expect(faultOf(log.with(33, { ...log[33]!, recordedAt_ms: 1n }))).toMatchObject({ fault: 'content_changed', from: 33 });
  expect(faultOf(log.toSpliced(33, 1))).toMatchObject({ fault: 'missing', from: 33 });
});
