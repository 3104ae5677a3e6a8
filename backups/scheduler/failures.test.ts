import { expect, test } from '@jest/globals';
import type { Job } from '../due.ts';
import { Failures } from './failures.ts';

const job: Job = { do: 'backup', cluster: 'core', repository: 1, type: 'incremental' };

test('a cluster that is away could be asked without end, or never again', () => {
  let now = 0;
  const failures = new Failures(() => now);
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => failures.failed(job, false) / 1000)).toEqual([15, 30, 60, 120, 240, 480, 600, 600]);
  expect(failures.mayTry(job)).toBe(false);
  expect(failures.mayTry({ ...job, type: 'full' })).toBe(false);
  expect(failures.mayTry({ ...job, cluster: 'ledger0' })).toBe(true);
  now = 600_000;
  expect(failures.mayTry(job)).toBe(true);
  failures.succeeded(job);
  expect(failures.failed(job, false)).toBe(15_000);
  expect(failures.counted.get('backup core')).toBe(9);
});

test('a cluster that is only just being made could wait for minutes, or count as failed', () => {
  const failures = new Failures(() => 0);
  expect([1, 2, 3, 4].map(() => failures.failed(job, true))).toEqual([5000, 5000, 5000, 5000]);
  expect(failures.counted.size).toBe(0);
});
