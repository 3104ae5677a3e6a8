import { expect, test } from '@jest/globals';
import { documentOf, indexOf } from './document.ts';

const row = {
  sequence: 7n, previous_hash: Buffer.alloc(32), hash: Buffer.alloc(32, 1), topic: 'ledger.events', epoch: 1, shard: 0, event_sequence: 3n,
  event: '{"occurred_at":"2026-02-01T00:30:00.000000+01:00","actor":"alice","id":"1","data":{"amount":"5"}}', type: 'transfer.posted', trace_id: null, recorded_at_ms: 1_772_323_200_000n,
};

test('an entry lands in the index of the month in which it occurred, in UTC, however late it is copied', () => {
  expect(indexOf(row)).toBe('holdfast-audit-2026.01');
});

test('a document carries the event as it was, and no trace id where there was none', () => {
  expect(documentOf(row)).toMatchObject({ audit: { sequence: '7' }, event: { original: row.event, action: 'transfer.posted' }, user: { id: 'alice' }, data: { amount: '5' } });
  expect(documentOf(row)).not.toHaveProperty('trace');
});

test('a document says from where, and how it ended', () => {
  const signIn = { ...row, type: 'sign_in.login_error', event: '{"occurred_at":"2026-02-01T00:00:00Z","actor":"unknown","id":"1","data":{"from":"203.0.113.7","outcome":"failure"}}' };
  expect(documentOf(signIn)).toMatchObject({ source: { ip: '203.0.113.7' }, event: { category: 'authentication', outcome: 'failure' } });
  expect(documentOf({ ...row, type: 'security.denied' })).toMatchObject({ event: { category: 'intrusion_detection', outcome: 'failure' } });
  expect(documentOf(row)).toMatchObject({ event: { category: 'process', outcome: 'success' } });
});
