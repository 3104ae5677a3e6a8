import type { Screen } from './frame.ts';
import { figure, lines, states } from './panels.ts';
import { platformUid, serviceUid } from './uids.ts';

/** Is the trail what was signed, is it complete, and is it found. What it says is read in Kibana and by `./holdfast audit`. */
export function audit(): Screen {
  return {
    folder: 'platform',
    uid: platformUid('audit'),
    title: 'Audit trail',
    description: 'Whether the trail is what was signed, whether it is complete, and whether it is found. What it says: ./holdfast audit, and Kibana.',
    next: { audit: serviceUid('audit'), Security: platformUid('security') },
    panels: [
      states('The trail is what was signed', { 'by the {{found_by}}': 'max by (found_by) (audit_trail_broken) == bool 0' }, ['yes', 'no'], { width: 12, alert: 'AuditTrailBroken', limit: { value: 1, badIs: 'below' } }),
      figure('Last checkpoint', 's', { '': 'time() - max(audit_checkpoint_timestamp_seconds)' }, { width: 4, alert: 'AuditCheckpointLate', hint: 'One is signed every minute.' }),
      figure('Entries that it covers', 'short', { '': 'max(audit_checkpoint_entries)' }, { width: 4 }),
      figure('All of it was read', 's', { '': 'time() - (max(audit_trail_verified_timestamp_seconds) > 0)' }, { width: 4, hint: 'How long ago the whole trail was found to be as it was signed; nothing until that was done once since the start.' }),
      lines('Entries, by where they come from', 'ops', { '{{topic}}': 'sum by (topic) (rate(audit_entries_total[$__rate_interval]))' }, { stacked: true }),
      lines('From what happened to the trail', 's', { '{{topic}}': 'max by (topic) (event_delay_seconds{component="audit"})' }),
      lines('Sources that are asked: last read', 's', { '{{source}}': 'time() - max by (source) (audit_source_read_timestamp_seconds)' }, { alert: 'AuditSourceUnread' }),
      lines('Copied into Elasticsearch', 'ops', { '': 'sum(rate(audit_entries_indexed_total[$__rate_interval]))' }),
      lines('Entries not yet in Elasticsearch', 'short', { '': 'max(audit_entries_unindexed)' }, { alert: 'AuditNotIndexed' }),
      lines('Refusals that were not told to it', 'ops', { '': 'sum(rate(gateway_denials_dropped_total[$__rate_interval]))' }, { alert: 'DenialsNotAudited' }),
      lines('Streams that stand still', 'short', { '{{topic}} shard {{shard}}': 'max by (topic, shard) (event_stream_stopped{component="audit"})' }, { limit: { value: 1, badIs: 'above' }, hint: 'An event was refused: a gap, or an epoch that is not the current one.' }),
      lines('Second place of checkpoints: last copy', 's', { '{{place}}': 'time() - max by (place) (audit_checkpoint_copy_timestamp_seconds)' }, { alert: 'AuditSecondPlaceMissing' }),
    ],
  };
}
