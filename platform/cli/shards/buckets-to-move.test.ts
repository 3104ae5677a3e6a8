import { describe, expect, test } from '@jest/globals';
import { bucketsToMove } from './buckets-to-move.ts';

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('buckets for a shard that has joined', () => {
  test('come from all others alike', () => {
    const chosen = bucketsToMove(new Map([[0, range(0, 511)], [1, range(512, 1023)], [2, []]]), 2, 340);
    expect(chosen).toEqual([...range(342, 511), ...range(854, 1023)]);
  });

  test('come from the fuller one, until it is no fuller', () => {
    expect(bucketsToMove(new Map([[0, range(0, 9)], [1, range(10, 13)], [2, []]]), 2, 4)).toEqual([6, 7, 8, 9]);
  });

  test('asked for again after an interruption, only those that are missing', () => {
    expect(bucketsToMove(new Map([[0, range(0, 5)], [1, range(6, 11)], [2, [12, 13]]]), 2, 4)).toHaveLength(2);
    expect(bucketsToMove(new Map([[0, range(0, 5)], [2, range(6, 11)]]), 2, 4)).toEqual([]);
  });

  test('more than there are: all of them', () => {
    expect(bucketsToMove(new Map([[0, [1]], [1, []]]), 1, 5)).toEqual([1]);
  });
});
