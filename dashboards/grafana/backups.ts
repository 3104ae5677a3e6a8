import type { Screen } from './frame.ts';
import { figure, lines, states, table } from './panels.ts';
import { familyUid, platformUid } from './uids.ts';

/** Could everything be brought back, how much would be lost, and from how far back. */
export function backups(): Screen {
  const cluster = 'cluster=~"$cluster"';
  return {
    folder: 'platform',
    uid: platformUid('backups'),
    title: 'Backups and restore',
    description: 'Whether everything could be brought back: backups, WAL, verification, room, and the key to them.',
    variables: { cluster: { label: 'Cluster', values: 'backup_running, cluster' } },
    next: { Postgres: familyUid('postgres'), Audit: platformUid('audit') },
    panels: [
      states('In working order', {
        'backup server': 'clamp_max(min(probe_success{job="certificates", component="pgbackrest"}), 1)',
        scheduler: 'clamp_max(min(up{component="backup-scheduler"}), 1)',
        'no file is damaged': 'sum(backup_verify_errors) == bool 0',
        'no page is damaged': 'sum(backup_page_errors) == bool 0',
      }, ['yes', 'no'], { width: 16 }),
      states('A kit with the keys as they are', { '': 'recovery_kit_current' }, ['yes', 'no'], { width: 4, alert: 'RecoveryKitMissing', limit: { value: 1, badIs: 'below' }, hint: 'Without it nobody reads these backups on another machine: ./holdfast recovery-kit export.' }),
      states('On another disk than the data', { '': 'backup_shares_disk == bool 0' }, ['yes', 'no'], { width: 4, alert: 'BackupsShareDisk', limit: { value: 1, badIs: 'below' } }),
      states('The last restore proof found everything', { '': 'restore_proof_result' }, ['yes', 'no'], { width: 8, alert: 'RestoreProofFailed', limit: { value: 1, badIs: 'below' }, hint: 'What was backed up is restored every day, to the latest moment and to a random second, and looked at: ./holdfast prove-restore.' }),
      figure('Since a restore was last proven', 's', { '': 'time() - (restore_proof_last_success_timestamp_seconds > 0)' }, { width: 8, alert: 'RestoreProofTooOld', limit: { value: 93_600, badIs: 'above' } }),
      figure('What that proof measured', 's', { 'would have been lost (RPO)': 'restore_proof_rpo_seconds', 'took to come back (RTO)': 'restore_proof_rto_seconds' }, { width: 8 }),
      lines('Age of the last backup', 's', { '{{cluster}}, {{type}}': `time() - max by (cluster, type) (backup_last_success_timestamp_seconds{${cluster}})`, 'allowed: {{type}}': 'max by (type) (backup_allowed_age_seconds)', 'snapshot of log lines': 'time() - (max(log_snapshot_last_success_timestamp_seconds) > 0)', 'allowed: snapshot of log lines': 'max(log_snapshot_allowed_age_seconds)' }, { hint: 'A line that crosses the one of what is allowed is an alert. Log lines are in snapshots of Elasticsearch.', width: 12 }),
      lines('WAL that no repository has', 'bytes', { '{{cluster}} in repository {{repository}}': `clamp_min(max by (cluster) (patroni_xlog_location{${cluster}}) - on (cluster) group_right () backup_wal_archived_bytes, 0)` }, { width: 12, limit: { value: 16_777_216, badIs: 'above' }, hint: 'Lost if this machine is lost now. One segment is 16 MiB; a segment is handed over at the latest after the time of archive_timeout.' }),
      lines('Age of the newest WAL in the repository', 's', { '{{cluster}} in repository {{repository}}': `time() - backup_wal_archived_timestamp_seconds{${cluster}}` }),
      lines('Since every file was read through', 's', { '{{cluster}} in repository {{repository}}': `time() - (backup_verify_last_success_timestamp_seconds{${cluster}} > 0)` }, { hint: 'And found as it was written. A cluster whose backups never were has no line.' }),
      table('Size of the last backup', 'bytes', { '': `max by (cluster, type, repository) (backup_size_bytes{${cluster}})` }, { width: 8 }),
      lines('How long backups take', 's', { '{{cluster}}, {{type}}': `max by (cluster, type) (backup_duration_seconds{${cluster}})` }),
      lines('Room left where the repository is', 'percentunit', { 'repository {{repository}}': 'backup_repository_free_bytes / backup_repository_capacity_bytes' }, { alert: 'BackupRepositoryFilling', max: 1 }),
    ],
  };
}
