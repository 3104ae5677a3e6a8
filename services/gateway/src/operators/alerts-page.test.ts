import { expect, test } from '@jest/globals';
import { alertsPage, silenceOf } from './alerts-page.ts';

const form = (change: Record<string, string> = {}): URLSearchParams => new URLSearchParams({ labels: JSON.stringify({ alertname: 'RedisDown', component: 'redis' }), minutes: '60', reason: 'we know', ...change });

test('a text of an alert could become part of the page', () => {
  const evil = '"><script>alert(1)</script>';
  const page = alertsPage(
    [{ labels: { alertname: evil, component: evil, severity: evil }, annotations: { summary: evil, runbook_url: 'javascript:alert(1)' }, startsAt: evil, status: { state: evil } }],
    [{ id: evil, comment: evil, endsAt: evil, status: { state: 'active' }, matchers: [{ name: evil, value: evil, isRegex: false }] }],
  );
  expect(page).not.toContain('<script');
  expect(page).not.toContain('javascript:');
});

test('a silence would keep more quiet than was asked for', () => {
  expect(silenceOf(form(), 'subject', 0)).toEqual({
    matchers: [{ name: 'alertname', value: 'RedisDown', isRegex: false, isEqual: true }, { name: 'component', value: 'redis', isRegex: false, isEqual: true }],
    startsAt: '1970-01-01T00:00:00.000Z', endsAt: '1970-01-01T01:00:00.000Z', createdBy: 'subject', comment: 'we know',
  });
});

test.each([{ labels: '' }, { labels: '{}' }, { labels: '[]' }, { labels: 'null' }, { labels: '{"component":"redis"}' }, { labels: '{"alertname":""}' }, { labels: '{"alertname":"A","a b":"c"}' }, { minutes: '0' }, { minutes: '1441' }, { minutes: '1.5' }, { minutes: 'x' }, { reason: ' ' }, { reason: 'x'.repeat(201) }])('a silence without bounds or reason would be made: %j', (change) => {
  expect(silenceOf(form(change as Record<string, string>), 'subject', 0)).toBeUndefined();
});
