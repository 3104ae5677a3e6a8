import type { Family } from './family.ts';
import { lines } from '../panels.ts';

export const postgres: Family = {
  name: 'postgres',
  title: 'Postgres',
  description: 'Three clusters of a leader and a synchronous replica, what leads to the leader, and what proves a dead leader dead.',
  variables: { cluster: { label: 'Cluster', values: 'patroni_primary, cluster' } },
  panels: [
    lines('Leaders', 'short', { '{{instance}}': 'patroni_primary{cluster=~"$cluster"} == 1' }, { hint: 'A node\'s line is there while it leads.' }),
    lines('Synchronous replicas', 'short', { '{{cluster}}': 'sum by (cluster) (patroni_sync_standby{cluster=~"$cluster"})' }, { alert: 'PostgresReplicaMissing', limit: { value: 1, badIs: 'below' } }),
    lines('Not yet replayed', 'bytes', { '{{instance}}': 'clamp_min(max by (cluster) (patroni_xlog_location{cluster=~"$cluster"}) - on (cluster) group_right () min by (cluster, instance) (patroni_xlog_replayed_location > 0), 0)' }, { alert: 'PostgresReplicaLags', limit: { value: 134_217_728, badIs: 'above' } }),
    lines('Transactions', 'ops', { '{{cluster}} {{datname}}': 'sum by (cluster, datname) (rate(pg_stat_database_xact_commit{cluster=~"$cluster", datname!~"template.*|postgres"}[$__rate_interval]))' }, { stacked: true }),
    lines('Rows written', 'ops', { '{{cluster}}': 'sum by (cluster) (rate(pg_stat_database_tup_inserted{cluster=~"$cluster"}[$__rate_interval]) + rate(pg_stat_database_tup_updated{cluster=~"$cluster"}[$__rate_interval]))' }),
    lines('Read from memory', 'percentunit', { '{{cluster}}': 'sum by (cluster) (rate(pg_stat_database_blks_hit{cluster=~"$cluster"}[$__rate_interval])) / sum by (cluster) (rate(pg_stat_database_blks_hit{cluster=~"$cluster"}[$__rate_interval]) + rate(pg_stat_database_blks_read{cluster=~"$cluster"}[$__rate_interval]))' }, { max: 1 }),
    lines('Connections', 'short', { '{{instance}} {{state}}': 'sum by (instance, state) (pg_stat_activity_count{cluster=~"$cluster"}) > 0' }, { alert: 'PostgresConnectionsNearLimit' }),
    lines('Oldest transaction', 's', { '{{instance}}': 'max by (instance) (pg_stat_activity_max_tx_duration{cluster=~"$cluster", state=~"active|idle in transaction.*", usename!~"postgres|rewind|replicator"})' }, { alert: 'PostgresLongTransaction' }),
    lines('WAL kept on the node', 'bytes', { '{{instance}}': 'pg_wal_size_bytes{cluster=~"$cluster"}' }, { alert: 'PostgresWalGrows' }),
    lines('Transaction ids, age', 'short', { '{{cluster}}': 'max by (cluster) (pg_database_wraparound_age_datfrozenxid_seconds{cluster=~"$cluster"})' }, { alert: 'PostgresXidAge', hint: 'At 2 thousand million Postgres takes no more writes.' }),
    lines('Sessions through the router', 'short', { '{{proxy}}': 'haproxy_backend_current_sessions{component="pg-router", proxy!~"metrics|MASTER"}' }, { stacked: true }),
  ],
};
