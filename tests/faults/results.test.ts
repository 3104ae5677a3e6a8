import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokenSeals, rowOf, type Result } from './results.ts';

const result: Result = { date: '2026-01-01 00:00', seed: 1, faults: 20, operations: 100, unknown: 3, violations: 0, seconds: 200, commit: 'abc', harness: 'def' };

function table(): { rows: string[]; text: () => string } {
  const rows: string[] = [];
  let seal = '';
  for (const seed of [1, 2, 3]) {
    const row = rowOf({ ...result, seed }, seal);
    seal = /([0-9a-f]{12}) \|\n$/.exec(row)?.[1] ?? '';
    rows.push(row);
  }
  return { rows, text: () => rows.join('') };
}

test('a result that was changed or taken out by hand would pass', () => {
  const whole = table();
  expect(brokenSeals(whole.text())).toEqual([]);
  expect(brokenSeals(whole.text().replace('| 3 | 0 | 200', '| 3 | 0 | 100'))).toHaveLength(1);
  whole.rows.splice(1, 1);
  expect(brokenSeals(whole.text())).toHaveLength(1);
});

test('a row of RESULTS.md would not be of a run', () => {
  expect(brokenSeals(readFileSync(join(import.meta.dirname, 'RESULTS.md'), 'utf8'))).toEqual([]);
});
