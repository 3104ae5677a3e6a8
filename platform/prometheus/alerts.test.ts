import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../cli/versions.ts';
import { alertCases, alertingRules, promtoolTests } from './alert-cases.ts';

const rules = alertingRules();
const { cases, native } = alertCases();

test('an alert is defined once', () => {
  const names = rules.map(({ alert }) => alert);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

describe.each(rules.map((rule) => [rule.alert, rule] as const))('%s', (name, { labels, annotations, component }) => {
  test('says how urgent it is, in one of three words', () => {
    expect(['page', 'ticket', 'none']).toContain(labels.severity);
  });

  test('says what is so, and whom it hits', () => {
    expect(annotations.summary ?? '').toMatch(/\S.{15,}/);
    expect(annotations.hits ?? '').toMatch(/\S.{9,}/);
  });

  test('leads to a page that is there', () => {
    expect(annotations.runbook_url).toBe(`{{ $externalURL }}/runbooks/alerts/${name}.md`);
    expect(existsSync(join(PROJECT, 'runbooks', 'alerts', `${name}.md`))).toBe(true);
  });

  test('is shown to fire, to stay silent and to end', () => {
    const own = cases.get(name) ?? [];
    const inPromtoolsForm = native.some(({ alerts }) => alerts.has(name));
    const shown = {
      fires: inPromtoolsForm || own.some(({ fires = {} }) => Object.values(fires).some((alerts) => alerts.length > 0)),
      silent: inPromtoolsForm || own.some(({ silent = [] }) => silent.length > 0),
      // What always fires has no end to show.
      clears: inPromtoolsForm || labels.severity === 'none' || own.some(({ clears = [] }) => clears.length > 0),
    };
    expect({ component, ...shown }).toEqual({ component, fires: true, silent: labels.severity !== 'none' || shown.silent, clears: true });
  });
});

test('a case becomes a test of promtool: when it is silent, fires, and is silent again', () => {
  const rule = { alert: 'Late', expr: 'x > 1', labels: { severity: 'page' }, annotations: {}, component: 'trains' };
  const [file] = promtoolTests([rule], new Map([['Late', [{ case: 'by a minute', step: '1m', series: { 'x{line="1"}': '0 2 0' }, silent: ['0m'], fires: { '1m': [{ line: 1 }] }, clears: ['2m'] }]]]), '/rules');
  expect(file!.name).toBe('trains-1m.yml');
  expect(file!.content).toContain('/rules/trains.yml');
  expect(file!.content).toContain(String.raw`ALERTS{severity="page", alertname="Late", alertstate="firing", line="1"}`);
  expect(file!.content.match(/exp_samples: \[\]/g)).toHaveLength(2);
});

test('a case of an alert that is not there is told by name', () => {
  expect(() => promtoolTests([], new Map([['Gone', []], ['Lost', [{ case: 'x', series: {} }]]]), '/rules')).toThrow('a case of Lost');
});
