import { expect, test } from '@jest/globals';
import { withoutEndedRisk } from './risk.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const risk = (until: string): { synchronous_mode_strict: boolean; ttl: number; holdfast_accepted_risk: { since: string; until: string; reason: string } } =>
  ({ synchronous_mode_strict: false, ttl: 20, holdfast_accepted_risk: { since: '2026-01-01T08:00:00Z', until, reason: 'a disk' } });

test('an accepted risk ends when its time is over, and everything else stays as it is', () => {
  expect(withoutEndedRisk(risk('2026-01-01T12:00:00Z'), NOW)).toEqual({ synchronous_mode_strict: true, ttl: 20 });
});

test('before its time it does not end', () => {
  expect(withoutEndedRisk(risk('2026-01-01T12:00:01Z'), NOW)).toBeUndefined();
});

test('one whose end nobody can read is over', () => {
  expect(withoutEndedRisk(risk('tomorrow'), NOW)).toMatchObject({ synchronous_mode_strict: true });
});

test('a configuration without one is left alone, strict or not', () => {
  expect(withoutEndedRisk({ synchronous_mode_strict: false }, NOW)).toBeUndefined();
});
