import { expect, test } from '@jest/globals';
import { parsePage, type Page } from '../../runbooks/runner/page.ts';
import { batchesOf, canFireTogether } from './batches.ts';
import type { Fault } from './fault.ts';

const fault = (alert: string, more: Partial<Fault> = {}): Fault => ({ alert, what: '', labels: {}, make: () => Promise.resolve(), ...more });
const pageThat = (act: string) => (alert: string): Page => parsePage(alert, `${alert}.md`, `# ${alert}\n## Act\n\`\`\`sh\n${act}\n\`\`\`\n## Undo\n\`\`\`sh\n./holdfast up\n\`\`\`\n`);
const batched = (faults: Fault[], act = './holdfast restart redis'): string[] => batchesOf(faults, pageThat(act)).map((batch) => batch.map(({ alert }) => alert).join(' '));

test('an alert that another holds back is fired apart from it, or nobody would be told', () => {
  expect(canFireTogether(fault('RedisDown'), fault('RateLimitsInMemory'))).toBe(false);
  expect(canFireTogether(fault('RateLimitsInMemory'), fault('RedisDown'))).toBe(false);
  expect(canFireTogether(fault('RedisDown'), fault('EtcdNoLeader'))).toBe(true);
});

test('two faults of the same thing are not mixed up', () => {
  expect(batched([fault('A', { labels: { cluster: 'ledger1' } }), fault('B', { touches: ['ledger1'] }), fault('C', { labels: { component: 'kafka' } })])).toEqual(['A C', 'B']);
});

test('nothing is broken that another needs, and two may need the same', () => {
  expect(batched([fault('A', { needs: ['kafka'] }), fault('B', { needs: ['kafka'] }), fault('C', { touches: ['kafka'] })])).toEqual(['A B', 'C']);
});

test('the way to the API is not broken where money has to move, or people to be answered', () => {
  expect(batched([fault('A', { needs: ['transactions'] }), fault('B', { touches: ['gateway'] }), fault('C', { needs: ['requests'] })])).toEqual(['A C', 'B']);
});

test('what wants to be alone is', () => {
  expect(batched([fault('A'), fault('B', { alone: true }), fault('C')])).toEqual(['A C', 'B']);
});

test('a page that mends whatever is ill comes last, and there is one in a batch', () => {
  expect(batched([fault('A'), fault('B')], './holdfast up')).toEqual(['A', 'B']);
  const pageOf = (alert: string): Page => pageThat(alert === 'A' ? './holdfast restart --ill' : './holdfast restart redis')(alert);
  expect(batchesOf([fault('A'), fault('B')], pageOf).map((batch) => batch.map(({ alert }) => alert))).toEqual([['B', 'A']]);
});

test('no batch is larger than somebody could still keep apart', () => {
  expect(batched(Array.from({ length: 9 }, (_, index) => fault(`A${index}`))).map((batch) => batch.split(' ').length)).toEqual([6, 3]);
});
