import { expect, test } from '@jest/globals';
import type { Measured, Pair, RowResult } from './measure.ts';
import { plot } from './plot.ts';
import { report } from './report.ts';
import type { Row } from './rows.ts';

const row: Row = { name: 'single', what: 'single <transfers> & more', least: 2, aim: 2.5, p99Max_ms: 50, load: { via: 'service', connections: 64, batch: 1, choice: 'uniform', from: 0, to: 0 } };
const answers = { seconds: 10, posted: 10, postedInAll: 10, unknown: 0, statuses: { 201: 10, 503: 2 }, dropped: 3, lost: 0, p50_ms: 5, p99_ms: 20, max_ms: 30 };
const measured = (perSecond: number): Measured => ({ perSecond, cpu: { wall_s: 10, host_s: 20, own_s: 20 }, foreign_cores: 0, cpu_us: {}, answers });
const pair = (ratio: number): Pair => ({ tpcb: measured(100), own: measured(100 * ratio), openLoop: { ...measured(90 * ratio), rate: 90 * ratio } });
const good: RowResult = { row, pairs: [pair(2), pair(2.2), { ...pair(9), void: '0.40 cores of foreign CPU' }], ratio: 2.1, ofTpcb: 2.1, ratioByCpu: 2.1 };
const bad: RowResult = { row: { ...row, name: 'other', what: 'other' }, pairs: [{ ...pair(1), void: '0.30 cores of foreign CPU' }], ratioByCpu: 1 };
const results = { rows: [good, bad], pairs: 2, seconds: 10, stopped: ['logs'], running: ['edge'] };

test('the plot shows no row without a valid pair, and no mark-up from a name', () => {
  const svg = plot([good, bad], 'commit <x>');
  expect(svg).toContain('single &lt;transfers&gt; &amp; more');
  expect(svg).not.toContain('>other');
  expect(svg.match(/<rect /g)).toHaveLength(2);
});

test('the table does not hide what was void, refused or dropped', () => {
  const text = report(results);
  expect(text).toMatch(/single.* 2\.10 +2\.00-2\.20 .*yes/);
  expect(text).toMatch(/other.* no pair counts/);
  expect(text).toContain('single, pair 3: void, 0.40 cores of foreign CPU');
  expect(text).toContain('single, pair 1: 2 answered 503, 3 dropped');
});
