import type { Family } from './family.ts';
import { figure, lines } from '../panels.ts';

export const machine: Family = {
  name: 'machine',
  title: 'Machine',
  description: 'What all of it runs on.',
  panels: [
    figure('Runs for', 's', { '': 'time() - node_boot_time_seconds' }, { width: 8 }),
    figure('Clock is off by at most', 's', { '': 'node_timex_maxerror_seconds' }, { width: 8, alert: 'ClockNotKept', limit: { value: 16, badIs: 'above' } }),
    figure('Ended for want of memory, in the last hour', 'short', { '': 'increase(node_vmstat_oom_kill[1h])' }, { width: 8, alert: 'OutOfMemoryKill', limit: { value: 1, badIs: 'above' } }),
    lines('Processors', 'percentunit', { '{{mode}}': 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$__rate_interval])) / on () group_left () count(count by (cpu) (node_cpu_seconds_total))' }, { stacked: true, max: 1 }),
    lines('Memory', 'bytes', { 'used': 'node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes', 'all': 'node_memory_MemTotal_bytes' }),
    lines('Waiting for processor, memory, disk', 'percentunit', { processor: 'rate(node_pressure_cpu_waiting_seconds_total[$__rate_interval])', memory: 'rate(node_pressure_memory_stalled_seconds_total[$__rate_interval])', disk: 'rate(node_pressure_io_stalled_seconds_total[$__rate_interval])' }),
    lines('Free on disks', 'percentunit', { '{{mountpoint}}': 'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"} / node_filesystem_size_bytes' }, { max: 1, alert: 'DiskAlmostFull' }),
    lines('Disk traffic', 'Bps', { '{{device}} read': 'rate(node_disk_read_bytes_total[$__rate_interval])', '{{device}} written': 'rate(node_disk_written_bytes_total[$__rate_interval])' }),
    lines('Disks busy', 'percentunit', { '{{device}}': 'rate(node_disk_io_time_seconds_total[$__rate_interval])' }, { max: 1 }),
    lines('Load', 'short', { 'over a minute': 'node_load1', 'over 15': 'node_load15' }),
    lines('Files open, of what may be', 'percentunit', { '': 'node_filefd_allocated / node_filefd_maximum' }, { alert: 'FileHandlesLow' }),
    lines('Clock off by', 's', { '': 'abs(node_timex_offset_seconds)' }),
  ],
};
