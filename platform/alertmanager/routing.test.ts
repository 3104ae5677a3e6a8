import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { alertingRules } from '../prometheus/alert-cases.ts';
import { alertmanagerConfiguration, inhibitions, type Receiver } from './routing.ts';

interface Configuration {
  route: { receiver: string; routes?: { receiver: string; matchers: string[]; continue: boolean }[] };
  inhibit_rules: { source_matchers: string[]; target_matchers: string[] }[];
  receivers: Record<string, unknown>[];
}
const configurationOf = (receivers: readonly Receiver[]): Configuration => parse(alertmanagerConfiguration(receivers)) as Configuration;

test('without a receiver nobody is told, and everything is kept', () => {
  expect(configurationOf([])).toMatchObject({ route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] });
});

test('each receiver hears what it was added for, and does not keep it from the next', () => {
  const { route } = configurationOf([{ name: 'pager', kind: 'pagerduty', hears: 'page' }, { name: 'team', kind: 'slack', hears: 'all', channel: '#ops' }, { name: 'beat', kind: 'webhook', hears: 'heartbeat' }]);
  expect(route.routes).toEqual([
    { receiver: 'pager', matchers: ['severity = "page"'], repeat_interval: '1h', continue: true },
    { receiver: 'team', matchers: ['severity =~ "page|ticket"'], repeat_interval: '4h', continue: true },
    { receiver: 'beat', matchers: ['alertname = "Watchdog"'], repeat_interval: '1m', continue: true },
  ]);
});

describe('addresses and keys are read from files, whatever the kind', () => {
  test.each<[Receiver, string]>([
    [{ name: 'r', kind: 'webhook', hears: 'all' }, 'url_file'],
    [{ name: 'r', kind: 'slack', hears: 'all' }, 'api_url_file'],
    [{ name: 'r', kind: 'pagerduty', hears: 'all' }, 'routing_key_file'],
    [{ name: 'r', kind: 'email', hears: 'all', to: 'a@b.example', from: 'c@b.example', smarthost: 'mail:587', user: 'u' }, 'auth_password_file'],
  ])('%o', (receiver, field) => {
    expect(JSON.stringify(configurationOf([receiver]).receivers[1])).toContain(`"${field}":"/run/holdfast/receiver-r"`);
  });
});

test('an inhibition speaks of alerts that there are', () => {
  const names = new Set(alertingRules().map(({ alert }) => alert));
  expect(inhibitions.flatMap(({ source, targets }) => [source, ...targets]).filter((name) => !names.has(name))).toEqual([]);
});

test('no alert keeps itself quiet', () => {
  expect(inhibitions.filter(({ source, targets }) => targets.includes(source))).toEqual([]);
});
