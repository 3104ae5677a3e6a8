import type { Family } from './family.ts';
import { lines } from '../panels.ts';

export const redis: Family = {
  name: 'redis',
  title: 'Redis',
  description: 'Rate limits and reports at hand. Nobody is refused without it.',
  panels: [
    lines('Commands', 'ops', { '{{cmd}}': 'sum by (cmd) (rate(redis_commands_total[$__rate_interval])) > 0' }, { stacked: true }),
    lines('Time that a command takes', 's', { '{{cmd}}': 'topk(5, sum by (cmd) (rate(redis_commands_duration_seconds_total[$__rate_interval])) / (sum by (cmd) (rate(redis_commands_total[$__rate_interval])) > 0))' }, { hint: 'The mean of the five slowest.' }),
    lines('Keys that were there', 'percentunit', { '': 'sum(rate(redis_keyspace_hits_total[$__rate_interval])) / (sum(rate(redis_keyspace_hits_total[$__rate_interval])) + sum(rate(redis_keyspace_misses_total[$__rate_interval])))' }, { max: 1 }),
    lines('Memory', 'bytes', { used: 'redis_memory_used_bytes', 'of the process': 'redis_memory_used_rss_bytes', limit: 'redis_memory_max_bytes' }),
    lines('Forgotten for want of memory', 'ops', { '': 'rate(redis_evicted_keys_total[$__rate_interval])' }, { alert: 'RedisEvicts' }),
    lines('Keys', 'short', { '{{db}}': 'redis_db_keys > 0' }, { stacked: true }),
    lines('Connections', 'short', { '': 'redis_connected_clients' }),
    lines('Connections refused', 'ops', { '': 'rate(redis_rejected_connections_total[$__rate_interval])' }, { alert: 'RedisRefusesConnections' }),
    lines('Its file', 'bytes', { now: 'redis_aof_current_size_bytes', 'when it was last rewritten': 'redis_aof_base_size_bytes' }),
  ],
};
