import type { Event } from '@holdfast/kit/events';

interface Reader {
  query<Row extends object>(sql: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
}

/** The last number that the relay has given. */
export async function readLastSequence(reader: Reader): Promise<bigint> {
  const [row] = await reader.query<{ last_sequence: bigint }>('SELECT last_sequence FROM event_stream');
  if (!row) throw new Error('the row of the stream, which has its watermarks, is not there');
  return row.last_sequence;
}

/** Numbered events after one, as the relay has published them, or will. */
export async function readEvents(reader: Reader, after: bigint, to: bigint, limit: number): Promise<Event[]> {
  const rows = await reader.query<{ event: Event }>(
    `SELECT jsonb_build_object('id', event_id, 'type', type, 'version', 1, 'epoch', outbox.epoch, 'shard', shard, 'sequence', sequence::text,
              'occurred_at', to_char(occurred_at AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'traceparent', traceparent, 'actor', actor, 'data', data) AS event
       FROM outbox JOIN event_stream ON outbox.epoch = event_stream.epoch
      WHERE sequence > $1 AND sequence <= $2
      ORDER BY sequence LIMIT $3`,
    [after.toString(), to.toString(), limit], 'journal_events');
  return rows.map(({ event }) => event);
}

/** Accounts after one, in order: how many entries each has, and what balance they leave. */
export function readHeads(reader: Reader, after: string, limit: number): Promise<{ id: string; version: bigint; balance_minor: bigint }[]> {
  return reader.query('SELECT id, version, balance_minor FROM accounts WHERE id > $1 ORDER BY id LIMIT $2', [after, limit], 'journal_heads');
}
