import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hash } from 'node:crypto';
import { BLOCK_ENTRIES, combine, Frontier, leafHash, nodeHash, subtreesOf } from './merkle.ts';

const entry = (index: number): Buffer => hash('sha256', `entry ${index}`, 'buffer');

/** The definition of RFC 6962, section 2.1, word for word. */
function rootByDefinition(from: number, to: number): Buffer {
  const count = to - from;
  if (count === 0) return hash('sha256', '', 'buffer');
  if (count === 1) return leafHash(entry(from));
  let half = 1;
  while (half * 2 < count) half *= 2;
  return nodeHash(rootByDefinition(from, from + half), rootByDefinition(from + half, to));
}

function grown(to: number, frontier = new Frontier()): Frontier {
  while (frontier.size < to) frontier.append(entry(frontier.size));
  return frontier;
}

test('a leaf and a node are hashed as RFC 6962 says', () => {
  // printf '\0%s' with 32 bytes of 7, and printf '\1%s%s' with twice 32 bytes of 7, both through sha256sum.
  const seven = Buffer.alloc(32, 7);
  expect(leafHash(seven)).toEqual(hash('sha256', Buffer.concat([Buffer.of(0), seven]), 'buffer'));
  expect(nodeHash(seven, seven)).toEqual(hash('sha256', Buffer.concat([Buffer.of(1), seven, seven]), 'buffer'));
});

test('a tree that grows entry by entry has the root of the definition at every size', () => {
  const frontier = new Frontier();
  for (let size = 0; size <= 70; size++) {
    expect(frontier.root()).toEqual(rootByDefinition(0, size));
    frontier.append(entry(size));
  }
});

test('a tree that was put aside and taken up again grows on as if nothing had happened', () => {
  fc.assert(fc.property(fc.nat(600), fc.nat(600), (first, more) => {
    const resumed = new Frontier(JSON.parse(JSON.stringify(grown(first).state())));
    expect(grown(first + more, resumed).root()).toEqual(grown(first + more).root());
  }), { numRuns: 30 });
});

test('what was put aside for another size is refused', () => {
  expect(() => new Frontier({ size: 3, hashes: ['00'.repeat(32)] })).toThrow('not the subtrees');
  expect(() => new Frontier({ size: 1, hashes: ['00'] })).toThrow('not the subtrees');
});

describe('subtrees', () => {
  test('of any range, put in the place of its entries, give the same root', () => {
    fc.assert(fc.property(fc.nat(300), fc.nat(300), fc.nat(300), (before, hidden, after) => {
      const frontier = grown(before);
      for (const { start, level } of subtreesOf(before, before + hidden)) frontier.appendSubtree(rootByDefinition(start, start + 2 ** level), level);
      expect(frontier.size).toBe(before + hidden);
      expect(grown(before + hidden + after, frontier).root()).toEqual(grown(before + hidden + after).root());
    }), { numRuns: 60 });
  });

  test('of 256 entries are told of once each, as they become whole', () => {
    const blocks: [number, string][] = [];
    grown(3 * BLOCK_ENTRIES + 5, new Frontier(undefined, (block, subtree) => blocks.push([block, subtree.toString('hex')])));
    expect(blocks).toEqual([0, 1, 2].map((block) => [block, rootByDefinition(block * BLOCK_ENTRIES, (block + 1) * BLOCK_ENTRIES).toString('hex')]));
  });

  test('are made of smaller ones', () => {
    expect(combine(Array.from({ length: 8 }, (_, index) => leafHash(entry(index))))).toEqual(rootByDefinition(0, 8));
  });
});
