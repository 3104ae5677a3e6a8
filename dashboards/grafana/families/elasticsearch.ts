import type { Family } from './family.ts';
import { figure, lines } from '../panels.ts';

export const elasticsearch: Family = {
  name: 'elasticsearch',
  title: 'Elasticsearch',
  description: 'Where logs and the copy of the audit trail are searched.',
  panels: [
    figure('Disk left', 'bytes', { '': 'min(elasticsearch_filesystem_data_available_bytes)' }, { width: 8, alert: 'ElasticsearchDiskLow' }),
    figure('Shards, of 1,000', 'short', { '': 'max(elasticsearch_cluster_health_active_shards)' }, { width: 8, alert: 'ElasticsearchShardsNearLimit' }),
    figure('Documents', 'short', { '': 'sum(elasticsearch_indices_docs)' }, { width: 8 }),
    lines('State', 'short', { '{{color}}': 'max by (color) (elasticsearch_cluster_health_status) == 1' }, { hint: 'The line of the color that it has.' }),
    lines('Documents written', 'ops', { '': 'sum(rate(elasticsearch_indices_indexing_index_total[$__rate_interval]))' }),
    lines('Time to write one', 's', { '': 'sum(rate(elasticsearch_indices_indexing_index_time_seconds_total[$__rate_interval])) / (sum(rate(elasticsearch_indices_indexing_index_total[$__rate_interval])) > 0)' }),
    lines('Searches', 'ops', { '': 'sum(rate(elasticsearch_indices_search_query_total[$__rate_interval]))' }),
    lines('Turned away', 'ops', { '{{type}}': 'sum by (type) (rate(elasticsearch_thread_pool_rejected_count{type=~"write|search"}[$__rate_interval]))' }, { alert: 'ElasticsearchRejects' }),
    lines('What the indices take', 'bytes', { '': 'sum(elasticsearch_indices_store_size_bytes)' }),
    lines('Heap, of what it may have', 'percentunit', { '': 'sum(elasticsearch_jvm_memory_used_bytes{area="heap"}) / sum(elasticsearch_jvm_memory_max_bytes{area="heap"})' }, { max: 1, alert: 'ElasticsearchHeapFull' }),
    lines('Time spent on collecting garbage', 'percentunit', { '{{gc}}': 'sum by (gc) (rate(elasticsearch_jvm_gc_collection_seconds_sum[$__rate_interval]))' }),
  ],
};
