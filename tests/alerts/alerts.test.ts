import { expect, test } from '@jest/globals';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { faultsOf } from '../kit/evidence.ts';
import { FIRED } from './evidence.ts';
import { faults, type Fault } from './faults.ts';
import { scaledRules } from './scaled-rules.ts';

const rules = alertingRules();

test('a fault is made for an alert that there is', () => {
  expect(() => scaledRules(rules, faults)).not.toThrow();
  expect(faults.map(({ alert }) => alert).filter((name) => !rules.some(({ alert }) => alert === name))).toEqual([]);
});

test('what is scaled is a number or a wait, and the expression stays', () => {
  const fault = { alert: 'DiskAlmostFull', what: '', labels: {}, make: () => Promise.resolve() };
  const rule = { alert: 'DiskAlmostFull', expr: 'free < 0.10', for: '5m', labels: { severity: 'page' }, annotations: {}, component: 'machine' };
  const text = (scaled: NonNullable<Fault['scaled']>): string => scaledRules([rule], [{ ...fault, scaled }]);
  expect(text({ for: '15s', number: ['0.10', '0.99'] })).toMatch(/expr: free < 0.99\s+for: 15s/);
  expect(() => text({ number: ['0.20', '0.99'] })).toThrow('0.20 does not stand in its expression');
});

test('FIRED.md was written by runs, of rules, pages and faults as they are', () => {
  expect(faultsOf(FIRED)).toEqual([]);
});
