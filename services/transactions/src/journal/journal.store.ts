import type { Event } from '@holdfast/kit/events';

interface Reader {
  query<Row extends object>(sql: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
}

/** The epochs of the stream, from index to index: there are few of them, and very many events. */
const EPOCHS = `WITH RECURSIVE found AS (
    (SELECT epoch FROM outbox WHERE sequence IS NOT NULL ORDER BY epoch LIMIT 1)
    UNION ALL
    SELECT (SELECT epoch FROM outbox WHERE sequence IS NOT NULL AND epoch > found.epoch ORDER BY epoch LIMIT 1) FROM found WHERE found.epoch IS NOT NULL
  ), epochs AS (SELECT epoch FROM found WHERE epoch IS NOT NULL)`;

/** Epochs in order, each with the last number that the relay has given in it. A restore begins a new one, in which the numbers go on. */
export function readEpochs(reader: Reader): Promise<{ epoch: number; sequence: bigint }[]> {
  return reader.query(
    `${EPOCHS} SELECT epoch, (SELECT sequence FROM outbox WHERE outbox.epoch = epochs.epoch AND sequence IS NOT NULL ORDER BY outbox.epoch DESC, sequence DESC LIMIT 1) AS sequence
       FROM epochs ORDER BY epoch`, [], 'journal_epochs');
}

/** Numbered events after one, as the relay has published them, or will, of whatever epoch. */
export async function readEvents(reader: Reader, after: bigint, to: bigint, limit: number): Promise<Event[]> {
  const rows = await reader.query<{ event: Event }>(
    `${EPOCHS}
     SELECT jsonb_build_object('id', event_id, 'type', type, 'version', 1, 'epoch', outbox.epoch, 'shard', shard, 'sequence', sequence::text,
              'occurred_at', to_char(occurred_at AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'traceparent', traceparent, 'actor', actor, 'data', data) AS event
       FROM epochs CROSS JOIN event_stream
      CROSS JOIN LATERAL (SELECT * FROM outbox WHERE outbox.epoch = epochs.epoch AND sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT $3) AS outbox
      ORDER BY sequence LIMIT $3`,
    [after.toString(), to.toString(), limit], 'journal_events');
  return rows.map(({ event }) => event);
}

/** Accounts after one, in order: how many entries each has, and what balance they leave. */
export function readHeads(reader: Reader, after: string, limit: number): Promise<{ id: string; version: bigint; balance_minor: bigint }[]> {
  return reader.query('SELECT id, version, balance_minor FROM accounts WHERE id > $1 ORDER BY id LIMIT $2', [after, limit], 'journal_heads');
}
