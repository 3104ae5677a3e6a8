import { expect, test } from '@jest/globals';
import { randomView } from './random.ts';

test('bytes are never handed out twice, also where the pool ends in the middle of a draw', () => {
  const seen = new Set<string>();
  for (let n = 0; n < 10_000; n++) seen.add(randomView(12).toString('hex'));
  expect(seen.size).toBe(10_000);
  expect(randomView(0)).toHaveLength(0);
  expect(randomView(4_096)).toHaveLength(4_096);
});
