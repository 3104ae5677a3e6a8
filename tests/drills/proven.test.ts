import { expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import { faultsOf } from '../kit/evidence.ts';
import { drills } from './drills.ts';
import { PROVEN } from './proven.ts';

test('a row of PROVEN.md would not be of a run, or not of the page as it is', () => {
  expect(faultsOf(PROVEN)).toEqual([]);
});

test('a drill would have no page, or not the name of its page', () => {
  const files = drills.flatMap(({ page }) => PROVEN.sourcesOf(page));
  expect(files.filter((file) => typeof file !== 'string' || !existsSync(join(PROJECT, file)))).toEqual([]);
  expect(new Set(drills.map(({ page }) => page)).size).toBe(drills.length);
});

test('the few would be none, or all', () => {
  expect(drills.filter(({ inEveryTest }) => inEveryTest).map(({ page }) => page).toSorted()).toEqual(['leader-lost', 'planned-switchover', 'redis-lost', 'replica-lost']);
});
