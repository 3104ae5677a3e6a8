import type { EntryRow } from '../log/log.store.ts';

interface Named {
  id: string;
  occurred_at: string;
  actor: string;
  data: Record<string, unknown>;
}

/** The month in which the event occurred decides: the same entry lands in the same index however late it is copied. */
export function indexOf(row: Pick<EntryRow, 'event'>): string {
  const { occurred_at } = JSON.parse(row.event) as Named;
  return `holdfast-audit-${new Date(occurred_at).toISOString().slice(0, 7).replace('-', '.')}`;
}

/** What an event is about, in the words of the Elastic Common Schema, by how its type begins. */
const CATEGORIES: readonly (readonly [prefix: string, category: string])[] = [
  ['sign_in.', 'authentication'], ['administration.', 'iam'], ['user.registered', 'iam'], ['user.updated', 'iam'], ['user.read', 'session'], ['operator.', 'configuration'], ['trail.', 'configuration'], ['security.', 'intrusion_detection'],
];

/** What Kibana finds and shows; the fields are those of platform/elasticsearch/index-templates/holdfast-audit.json. */
export function documentOf(row: EntryRow): Record<string, unknown> {
  const { id, occurred_at, actor, data } = JSON.parse(row.event) as Named;
  return {
    '@timestamp': occurred_at,
    message: `${row.type} by ${actor}`,
    event: {
      id, action: row.type, original: row.event, category: CATEGORIES.find(([prefix]) => row.type.startsWith(prefix))?.[1] ?? 'process',
      // An event of business tells of what was done; what was refused is `security.denied`.
      outcome: typeof data.outcome === 'string' ? data.outcome : row.type === 'security.denied' ? 'failure' : 'success',
    },
    user: { id: actor },
    ...(typeof data.from === 'string' && { source: { ip: data.from } }),
    ...(row.trace_id !== null && { trace: { id: row.trace_id } }),
    topic: row.topic,
    epoch: row.epoch,
    shard: row.shard,
    sequence: row.event_sequence.toString(),
    audit: {
      sequence: row.sequence.toString(),
      hash: row.hash.toString('hex'),
      previous_hash: row.previous_hash.toString('hex'),
      recorded_at: new Date(Number(row.recorded_at_ms)).toISOString(),
    },
    data,
  };
}
