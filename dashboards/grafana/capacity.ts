import type { Screen } from './frame.ts';
import { figure, lines } from './panels.ts';
import { familyUid, platformUid } from './uids.ts';

/** What is used up first, and when. */
export function capacity(): Screen {
  const disk = 'fstype!~"tmpfs|overlay|squashfs"';
  return {
    folder: 'platform',
    uid: platformUid('capacity'),
    title: 'Capacity',
    description: 'What is used up first, and when.',
    next: { Machine: familyUid('machine'), Postgres: familyUid('postgres') },
    panels: [
      figure('Free on the fullest disk', 'percentunit', { '': `min(node_filesystem_avail_bytes{${disk}} / node_filesystem_size_bytes)` }, { alert: 'DiskAlmostFull' }),
      figure('Memory left', 'percentunit', { '': 'min(node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)' }, { alert: 'MachineMemoryLow' }),
      figure('Processors busy', 'percentunit', { '': '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))' }, { limit: { value: 0.9, badIs: 'above' } }),
      figure('Connections of the fullest Postgres node', 'short', { '': 'max(sum by (instance) (pg_stat_activity_count))' }, { alert: 'PostgresConnectionsNearLimit' }),
      lines('Free on disks, and in four days', 'bytes', { '{{mountpoint}}': `min by (mountpoint) (node_filesystem_avail_bytes{${disk}})`, '{{mountpoint}} in four days': `min by (mountpoint) (clamp_min(predict_linear(node_filesystem_avail_bytes{${disk}}[6h], 4 * 86400), 0))` }, { hint: 'If it goes on as in the last six hours.' }),
      lines('Size of databases', 'bytes', { '{{cluster}} {{datname}}': 'max by (cluster, datname) (pg_database_size_bytes{datname!~"template.*"})' }, { stacked: true }),
      lines('What stores take', 'bytes', { Elasticsearch: 'sum(elasticsearch_indices_store_size_bytes)', Kafka: 'sum(kafka_log_log_size)', 'WAL on nodes': 'sum(pg_wal_size_bytes)', Backups: 'sum(backup_repository_bytes)', Prometheus: 'prometheus_tsdb_storage_blocks_bytes' }, { stacked: true }),
      lines('Memory, of what each may have', 'percentunit', { '{{component}}': 'max by (component) (process_resident_memory_bytes / on (component) group_left () component:memory_limit_bytes)' }, { max: 1, alert: 'MemoryNearLimit' }),
      lines('Processor, by component', 'percentunit', { '{{component}}': 'sum by (component) (rate(process_cpu_seconds_total[$__rate_interval]))' }, { stacked: true, hint: 'Of one core. Postgres and the proxies do not tell.' }),
      lines('Waiting for processor, memory, disk', 'percentunit', { processor: 'rate(node_pressure_cpu_waiting_seconds_total[$__rate_interval])', memory: 'rate(node_pressure_memory_stalled_seconds_total[$__rate_interval])', disk: 'rate(node_pressure_io_stalled_seconds_total[$__rate_interval])' }, { hint: 'Share of the time in which something (processor) or everything (memory, disk) had to wait.' }),
      lines('Connections, by Postgres node', 'short', { '{{instance}}': 'sum by (instance) (pg_stat_activity_count)' }, { alert: 'PostgresConnectionsNearLimit' }),
      lines('Transfers posted', 'ops', { 'shard {{shard}}': 'sum by (shard) (rate(posting_batch_transfers_sum[$__rate_interval]))' }, { stacked: true, hint: 'What all of this is spent on.' }),
    ],
  };
}
