import { expect, test } from '@jest/globals';
import { parseShard, shardOf } from './shard.ts';

test('a thing could be in no part, or in two', () => {
  const things = Array.from({ length: 15 }, (_, thing) => thing);
  const parts = ['1/4', '2/4', '3/4', '4/4'].map((text) => shardOf(things, parseShard(text)));
  expect(parts.flat().toSorted((a, b) => a - b)).toEqual(things);
  expect(Math.max(...parts.map(({ length }) => length)) - Math.min(...parts.map(({ length }) => length))).toBeLessThanOrEqual(1);
});

test.each(['', '0/3', '4/3', '1', 'a/b', '1/0'])('"%s" could pass for a part', (text) => {
  expect(() => parseShard(text)).toThrow('a part such as 1/3');
});
