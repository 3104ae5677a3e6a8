import type { Family } from './family.ts';
import { figure, lines } from '../panels.ts';

export const etcd: Family = {
  name: 'etcd',
  title: 'etcd',
  description: 'Who leads which Postgres cluster is written here, every ten seconds.',
  panels: [
    figure('Has changed its own leader', 'short', { '': 'sum(etcd_server_leader_changes_seen_total)' }, { width: 12, hint: 'Since its start. It is one node: once is right.' }),
    figure('Leads of dead leaders that were freed', 'short', { '{{cluster}}': 'sum by (cluster) (pg_guard_leaders_freed_total)' }, { width: 12, hint: 'By pg-guard, since its start.' }),
    lines('Wait for its disk', 's', { 'its log, 99 of 100': 'histogram_quantile(0.99, sum by (le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket[$__rate_interval])))', 'its store, 99 of 100': 'histogram_quantile(0.99, sum by (le) (rate(etcd_disk_backend_commit_duration_seconds_bucket[$__rate_interval])))' }, { alert: 'EtcdSlowDisk' }),
    lines('Proposals', 'ops', { applied: 'rate(etcd_server_proposals_applied_total[$__rate_interval])', failed: 'rate(etcd_server_proposals_failed_total[$__rate_interval])' }),
    lines('Size, of what it may have', 'percentunit', { '': 'etcd_mvcc_db_total_size_in_bytes / etcd_server_quota_backend_bytes' }, { max: 1, alert: 'EtcdNearQuota' }),
    lines('Last seen by Postgres nodes', 's', { '{{instance}}': 'time() - patroni_dcs_last_seen' }, { limit: { value: 20, badIs: 'above' }, hint: 'After 20 s a leader that cannot reach it asks all other nodes, or steps back.' }),
    lines('Traffic', 'Bps', { in: 'rate(etcd_network_client_grpc_received_bytes_total[$__rate_interval])', out: 'rate(etcd_network_client_grpc_sent_bytes_total[$__rate_interval])' }),
    lines('Memory', 'bytes', { '': 'process_resident_memory_bytes{component="etcd"}' }),
  ],
};
