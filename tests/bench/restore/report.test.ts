import { expect, test } from '@jest/globals';
import type { Pair } from './against-copying.ts';
import { figuresOf, markdown, type Results } from './report.ts';

const pair = (restore_s: number, copy_s: number): Pair => ({ restore: { took_s: restore_s, cpu_s: 4, foreign_cores: 0.1 }, copy: { took_s: copy_s, cpu_s: 1, foreign_cores: 0.2 }, first: 'restore', load: 1 });
const results = (change: Partial<Results> = {}): Results => ({
  command: 'npm run bench:restore', began: '2026-01-31T10:00:00.000Z', commit: 'abc', ledger: { transfers: 200_000, bytes: 1_000_000_000 },
  copying: { data_bytes: 1_100_000_000, repository_bytes: 500_000_000, pairs: [pair(8, 4), pair(9, 3), pair(30, 3)] },
  pointInTime: { command_s: 60, steps_s: { 'fetch ledger0': 9, 'place': 5, 'read models': 30 }, served_s: 14, still_s: 11, away_s: 16, data_bytes: 1_000_000_000, load: 1 },
  machines: [{ command_s: 200, data_s: 90, acknowledged: 4_000, lost: 12, rpo_s: 21, said: ['[1/8] restoring: done (9.0 s)'], load: 3 }],
  ...change,
});

const verdicts = (of: Results): boolean[] => figuresOf(of).map(({ holds }) => holds);

test('one slow pair could decide, or the ratio be that of two medians', () => {
  expect(figuresOf(results())[0]?.measured).toMatch(/^3\.00x, median of 3 pairs \(2\.00-10\.00\)/);
});

test('a figure beyond its goal could pass', () => {
  const good = results();
  expect(verdicts(good)).toEqual([true, true, true, true]);
  expect(verdicts(results({ copying: { ...good.copying!, pairs: [pair(13, 4)] } }))[0]).toBe(false);
  expect(verdicts(results({ pointInTime: { ...good.pointInTime!, served_s: 20.1 } }))[1]).toBe(false);
  // The worst of them counts.
  expect(verdicts(results({ machines: [good.machines[0]!, { ...good.machines[0]!, command_s: 301 }] }))[2]).toBe(false);
  expect(verdicts(results({ machines: [{ ...good.machines[0]!, rpo_s: 61 }, good.machines[0]!] }))[3]).toBe(false);
});

test('a part that was not measured could be told as if it had been', () => {
  const { copying: _, pointInTime: __, ...rest } = results({ machines: [] });
  expect(figuresOf(rest)).toEqual([]);
  expect(markdown(rest)).not.toMatch(/whole machine|Steps|Copied/);
});
