import { expect, test } from '@jest/globals';
import type { Invocation, Verdict } from '../faults/history.ts';
import { longestStandstill } from './timeline.ts';

function told(person: string, endMs: number, verdict: Verdict = 'acknowledged', replayed = false): Invocation {
  return { key: `${person} ${endMs}`, person, wish: { kind: 'deposit', legs: [], reference: '' }, startMs: endMs - 10, endMs, verdict, status: 201, code: undefined, subjectId: 'id', answer: '', replayed };
}

const shardOf = (person: string): number | undefined => ({ anna: 0, bert: 1 })[person];

test('a shard that stands still could hide behind one that does not', () => {
  const history = [told('anna', 900), told('bert', 950), told('anna', 1_100), told('anna', 2_000), told('anna', 3_000), told('anna', 4_000), told('bert', 3_950), told('bert', 4_000)];
  expect(longestStandstill(history, shardOf, 1_000, 4_000)).toBe(3);
});

test('what is no acknowledgement of a write could pass for one', () => {
  const history = [told('anna', 1_000), told('anna', 2_000, 'unknown'), told('anna', 3_000, 'acknowledged', true), told('operator', 3_500), told('anna', 4_500)];
  expect(longestStandstill(history, shardOf, 1_000, 5_000)).toBe(3.5);
});

test('a standstill that has not ended could count for nothing', () => {
  expect(longestStandstill([told('anna', 500)], shardOf, 1_000, 9_000)).toBe(8.5);
});
