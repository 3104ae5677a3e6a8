import { expect, test } from '@jest/globals';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { faultsOf } from '../kit/evidence.ts';
import { FIRED } from './evidence.ts';
import type { Scaled } from './fault.ts';
import { faults } from './faults.ts';
import { notFired } from './not-fired.ts';
import { scaledRules, wordsOf } from './scaled-rules.ts';

const rules = alertingRules();
const names = rules.map(({ alert }) => alert);
const made = faults.map(({ alert }) => alert);

test('a fault is made for an alert that there is, once', () => {
  expect(() => scaledRules(rules, faults)).not.toThrow();
  expect(made.filter((name) => !names.includes(name))).toEqual([]);
  expect(made.filter((name, index) => made.indexOf(name) !== index)).toEqual([]);
});

test('every alert has a fault that fires it, or a reason why none does, and not both', () => {
  expect(names.filter((name) => made.includes(name) === (name in notFired))).toEqual([]);
  expect(Object.keys(notFired).filter((name) => !names.includes(name))).toEqual([]);
});

test('every page that wakes somebody can be fired, and nine in ten of all', () => {
  expect(rules.filter(({ alert, labels }) => labels.severity === 'page' && !made.includes(alert)).map(({ alert }) => alert)).toEqual([]);
  expect(made.length / names.length).toBeGreaterThanOrEqual(0.9);
});

test('who does not break anything moves a threshold, and says so', () => {
  expect(faults.filter(({ make, scaled, what }) => !make && (!scaled?.number || !what.startsWith('nothing is broken: '))).map(({ alert }) => alert)).toEqual([]);
});

test('what is scaled is a wait, a number or a window, and the expression stays', () => {
  const fault = { alert: 'Late', what: '', labels: {} };
  const rule = { alert: 'Late', expr: 'rate(free[15m]) < 0.10 and rate(used[15m]) > 3', for: '5m', labels: { severity: 'page' }, annotations: {}, component: 'machine' };
  const text = (scaled: Scaled): string => scaledRules([rule], [{ ...fault, scaled }]);
  expect(text({ for: '15s', number: ['0.10', '0.99'] })).toMatch(/expr: rate\(free\[15m\]\) < 0.99 and rate\(used\[15m\]\) > 3\s+for: 15s/);
  expect(text({ number: [['0.10', '0.99'], ['3', '1']] })).toContain('rate(free[15m]) < 0.99 and rate(used[15m]) > 1');
  expect(text({ range: ['15m', '2m'] })).toContain('rate(free[2m]) < 0.10 and rate(used[2m]) > 3');
  expect(scaledRules([{ ...rule, expr: 'up > (up offset 30m)' }], [{ ...fault, scaled: { range: ['30m', '1m'] } }])).toContain('up > (up offset 1m)');
  expect(() => text({ number: ['0.20', '0.99'] })).toThrow('0.20 does not stand in its expression');
  expect(() => text({ number: ['1', '2'] })).toThrow('1 does not stand in its expression');
  expect(() => text({ number: ['0.10', '0.99 or vector(1)'] })).toThrow('is no number');
  expect(() => text({ range: ['5m', '2m'] })).toThrow('[5m] does not stand in its expression');
  expect(wordsOf({ for: '15s', number: ['0.10', '0.99'], range: ['15m', '2m'] })).toBe('for 15s, 0.10 is 0.99, [15m] is [2m]');
});

test('a threshold that was moved stands again where it stood, under the same name', () => {
  const fault = { alert: 'DiskAlmostFull', what: '', labels: {}, scaled: { number: ['0.10', '0.99'] } } as const;
  const rule = { alert: 'DiskAlmostFull', expr: 'free < 0.10', for: '5m', labels: { severity: 'page' }, annotations: {}, component: 'machine' };
  expect(scaledRules([rule], [fault], new Set([fault]))).toMatch(/alert: DiskAlmostFull\s+expr: free < 0.10\s+for: 5m/);
});

test('FIRED.md was written by runs, of rules, pages and faults as they are', () => {
  expect(faultsOf(FIRED)).toEqual([]);
});
