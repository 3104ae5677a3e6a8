import { expect, test } from '@jest/globals';
import { faultOfHistory } from './history.ts';

const first = { name: '0001_accounts.sql', sha256: 'a' };
const second = { name: '0002_holds.sql', sha256: 'b' };
const third = { name: '0003_limits.sql', sha256: 'c' };

function here(...migrations: (typeof first)[]): Map<string, { sha256: string }> {
  return new Map(migrations.map((migration) => [migration.name, migration]));
}

test('a database of this version or an earlier one is taken', () => {
  expect(faultOfHistory([first, second], here(first, second), false)).toBeUndefined();
  expect(faultOfHistory([first], here(first, second), false)).toBeUndefined();
  expect(faultOfHistory([], here(first), false)).toBeUndefined();
});

test('a version that is older than the data is refused, unless it was told to go back', () => {
  expect(faultOfHistory([first, second, third], here(first, second), false)).toContain('./holdfast up --go-back');
  expect(faultOfHistory([first, second, third], here(first, second), true)).toBeUndefined();
});

test('going back is no way to rewrite history', () => {
  expect(faultOfHistory([first, second, third], here(first, third), true)).toContain('0002_holds.sql was applied to this database and is missing here');
  expect(faultOfHistory([first, second, third], here({ ...first, sha256: 'changed' }, second), true)).toContain('0001_accounts.sql was changed');
});
