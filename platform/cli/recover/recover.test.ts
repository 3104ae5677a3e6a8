import { expect, test } from '@jest/globals';
import { refuseShortOf } from './recover.ts';

const lastBackupEnd_ms = Date.parse('2026-01-31T09:15:00Z');
const reaches = [
  { cluster: 'core', lastCommit: '2026-01-31 09:59:00.120000+00', lastBackupEnd_ms }, { cluster: 'ledger0', lastCommit: '2026-01-31 09:59:07.000000+00', lastBackupEnd_ms }, { cluster: 'ledger1', lastCommit: undefined, lastBackupEnd_ms },
];
const cut = { core: undefined, ledger0: '2026-01-31 09:59:00.120000+00', ledger1: undefined };

test('a gap in the WAL of a cluster that goes to its end could pass for its end', () => {
  // Postgres leaves zeros at the end of a time out.
  expect(() => refuseShortOf(reaches, cut, { core: '2026-01-31 09:59:00.12+00', ledger0: '2026-01-31 09:58:59+00', ledger1: null })).not.toThrow();
  expect(() => refuseShortOf(reaches, cut, { core: '2026-01-31 09:58:29.12+00', ledger0: null, ledger1: null })).toThrow('core has transactions until 2026-01-31 09:59:00.120000+00 in the repository, and was restored to 2026-01-31 09:58:29.12+00 only');
  expect(() => refuseShortOf(reaches, cut, { core: null, ledger0: null, ledger1: null })).toThrow('its last backup only');
});

test('a cluster to which nobody has written since its last backup could be taken for one with a gap', () => {
  const silent = [{ cluster: 'core', lastCommit: '2026-01-31 09:15:00.900000+00', lastBackupEnd_ms }];
  expect(() => refuseShortOf(silent, {}, { core: null })).not.toThrow();
});
