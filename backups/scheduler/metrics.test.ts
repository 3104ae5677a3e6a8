import { expect, test } from '@jest/globals';
import type { LogSnapshot } from '../log-snapshots.ts';
import type { Taken } from '../repository-info.ts';
import { metricsText } from './metrics.ts';
import type { Observation } from './observe.ts';

const full: Taken = { cluster: 'core', repository: 1, label: 'F', type: 'full', startedAt: new Date(1_000_000), endedAt: new Date(1_060_000), size_bytes: 50, stored_bytes: 7, walFrom: 'a', walTo: 'b', standsOn: [], pageErrors: false };
const incremental: Taken = { ...full, label: 'F_I', type: 'incremental', startedAt: new Date(2_000_000), endedAt: new Date(2_010_000), stored_bytes: 1, standsOn: ['F'], pageErrors: true };

function observation(more: Partial<Observation> = {}): Observation {
  const day = { every: 'day', hour: 1, minute: 0 } as const;
  return {
    settings: {
      schedule: { full: { every: 'week', weekday: 0, hour: 1, minute: 0 }, differential: day, incremental: { every: 'hour', minute: 15 }, verify: day, verify_second_repository: day, restore_proof: day, log_snapshot: { every: 'hour', minute: 45 }, keep: { full: 2, differential: 7 } },
      clusters: ['core', 'ledger0'], repositories: [],
    },
    info: { backups: [full, incremental], archives: [], running: { core: { done_bytes: 1, of_bytes: 2 } }, known: new Set() },
    wal: [{ cluster: 'core', repository: 1, newest: 'x', end_bytes: 16_777_216, arrivedAt: new Date(2_500_000) }],
    repositories: [{ key: 1, kind: 'volume', where: '', disks: ['sda'], sharesDisk: true, free_bytes: 5, capacity_bytes: 9 }],
    verifications: [],
    at: new Date(3_000_000),
    ...more,
  };
}
const lines = (seen: Observation, failures = new Map<string, number>(), logSnapshots?: LogSnapshot[]): string[] => metricsText(seen, { failures, used: new Map([[1, 42]]), logSnapshots }).split('\n').filter((line) => !line.startsWith('#') && line !== '');

test('an incremental could pass for a full, or a full not for an incremental', () => {
  expect(lines(observation()).filter((line) => line.startsWith('backup_last_success_timestamp_seconds{cluster="core"'))).toEqual([
    'backup_last_success_timestamp_seconds{cluster="core",repository="1",type="full"} 1000',
    'backup_last_success_timestamp_seconds{cluster="core",repository="1",type="differential"} 1000',
    'backup_last_success_timestamp_seconds{cluster="core",repository="1",type="incremental"} 2000',
  ]);
});

test('a cluster without any backup or WAL could be missing from the figures, and no alert ring', () => {
  const seen = lines(observation());
  expect(seen).toContain('backup_last_success_timestamp_seconds{cluster="ledger0",repository="1",type="full"} 0');
  expect(seen).toContain('backup_wal_archived_timestamp_seconds{cluster="ledger0",repository="1"} 0');
});

test('a damaged backup could count as the last success', () => {
  const verifications = [{ cluster: 'core', repository: 1, at: new Date(2_900_000).toISOString(), errors: 3, damaged: ['F'], findings: [], goodAt: new Date(900_000).toISOString() }];
  const seen = lines(observation({ verifications }));
  expect(seen).toContain('backup_last_success_timestamp_seconds{cluster="core",repository="1",type="incremental"} 0');
  expect(seen).toContain('backup_verify_errors{cluster="core",repository="1"} 3');
  expect(seen).toContain('backup_verify_last_success_timestamp_seconds{cluster="core",repository="1"} 900');
});

test('damaged pages, failures or what is being done could go untold', () => {
  const seen = lines(observation(), new Map([['backup core', 2]]));
  for (const line of ['backup_page_errors{cluster="core",repository="1"} 1', 'backup_failures_total{job_kind="backup",cluster="core"} 2', 'backup_running{cluster="core"} 1', 'backup_running{cluster="ledger0"} 0',
    'backup_repository_bytes{repository="1"} 42', 'backup_wal_archived_bytes{cluster="core",repository="1"} 16777216', 'backup_size_bytes{cluster="core",repository="1",type="incremental"} 1', 'backup_allowed_age_seconds{type="incremental"} 7200']) expect(seen).toContain(line);
});

test('one repository on another disk would not be enough', () => {
  const [first] = observation().repositories;
  expect(lines(observation())).toContain('backup_shares_disk 1');
  expect(lines(observation({ repositories: [first!, { ...first!, key: 2, sharesDisk: false }] }))).toContain('backup_shares_disk 0');
  expect(lines(observation({ repositories: [first!, { ...first!, key: 2 }] }))).toContain('backup_shares_disk 1');
});

test('a snapshot of log lines that came to nothing could count, or one that nobody has asked for yet pass for none', () => {
  const told = (snapshots?: LogSnapshot[]): string[] => lines(observation(), undefined, snapshots).filter((line) => line.startsWith('log_snapshot'));
  const whole = { name: 'logs-1', state: 'SUCCESS', indices: [], startedAt: new Date(1_000_000) };
  expect(told([{ ...whole, state: 'FAILED', startedAt: new Date(2_000_000) }, whole])).toEqual(['log_snapshot_last_success_timestamp_seconds 1000', 'log_snapshot_allowed_age_seconds 7200', 'log_snapshot_count 1']);
  expect(told([])).toEqual(['log_snapshot_last_success_timestamp_seconds 0', 'log_snapshot_allowed_age_seconds 7200', 'log_snapshot_count 0']);
  expect(told()).toEqual(['log_snapshot_allowed_age_seconds 7200']);
});
