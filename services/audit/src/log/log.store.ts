import type { Position } from '@holdfast/kit/events';
import type { Stream } from '@holdfast/kit/intake';
import type { Connection } from '@holdfast/kit/postgres';
import type { Entry } from './chain.ts';

/** Any number will do, as long as nobody else takes it in this database. */
const WRITER_LOCK = 4_706_101;

/** One writer at a time, across all replicas: the chain has one end. Held until the transaction ends. */
export async function lockHead(connection: Connection): Promise<{ sequence: bigint; hash: Buffer }> {
  await connection.query('SELECT pg_advisory_xact_lock($1)', [WRITER_LOCK], 'lock_writer');
  const [head] = await connection.query<{ sequence: bigint; hash: Buffer }>('SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1', [], 'head');
  if (!head) throw new Error('the audit log has lost its first entry');
  return head;
}

export async function readPosition(connection: Connection, topic: string, shard: number): Promise<Position | undefined> {
  const [row] = await connection.query<{ epoch: number; sequence: bigint; epoch_began: string | null }>(
    'SELECT epoch, sequence, epoch_began FROM consumer_position WHERE topic = $1 AND shard = $2', [topic, shard], 'position');
  return row && { epoch: row.epoch, sequence: row.sequence, epochBegan: row.epoch_began ?? undefined };
}

export async function movePosition(connection: Connection, { topic, shard }: Stream, { epoch, sequence, epochBegan }: Position): Promise<void> {
  await connection.query(
    `INSERT INTO consumer_position (topic, shard, epoch, sequence, epoch_began) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (topic, shard) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, epoch_began = excluded.epoch_began`,
    [topic, shard, epoch, sequence.toString(), epochBegan ?? null], 'move_position');
}

export interface Searchable { occurredAt: string; type: string; traceId: string | undefined }

export async function insertEntries(connection: Connection, entries: readonly (Entry & Searchable)[]): Promise<void> {
  await connection.query(
    `INSERT INTO audit_log (sequence, previous_hash, hash, topic, epoch, shard, event_sequence, event, occurred_at, type, trace_id)
     SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::int[], $6::int[], $7::bigint[], $8::text[], $9::timestamptz[], $10::text[], $11::text[])`,
    [
      entries.map(({ sequence }) => sequence.toString()), entries.map(({ previousHash }) => previousHash), entries.map(({ hash }) => hash),
      entries.map(({ topic }) => topic), entries.map(({ epoch }) => epoch), entries.map(({ shard }) => shard),
      entries.map(({ eventSequence }) => eventSequence.toString()), entries.map(({ event }) => event),
      entries.map(({ occurredAt }) => occurredAt), entries.map(({ type }) => type), entries.map(({ traceId }) => traceId ?? null),
    ], 'insert_entries');
}

export interface EntryRow {
  sequence: bigint; previous_hash: Buffer; hash: Buffer; topic: string; epoch: number; shard: number; event_sequence: bigint;
  event: string; type: string; trace_id: string | null; recorded_at: string;
}

const ROW = `sequence, previous_hash, hash, topic, epoch, shard, event_sequence, event, type, trace_id,
  to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at`;

/** Entries after `after` in order; entry 0 is no event and is never among them. */
export function readEntries(
  connection: Connection, filter: { after: bigint; limit: number; type?: string | undefined; traceId?: string | undefined },
): Promise<EntryRow[]> {
  return connection.query<EntryRow>(
    `SELECT ${ROW} FROM audit_log
      WHERE sequence > greatest($1::bigint, 0) AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR trace_id = $3)
      ORDER BY sequence LIMIT $4`,
    [filter.after.toString(), filter.type ?? null, filter.traceId ?? null, filter.limit]);
}

export async function readEntry(connection: Connection, sequence: bigint): Promise<EntryRow | undefined> {
  const [row] = await connection.query<EntryRow>(`SELECT ${ROW} FROM audit_log WHERE sequence = $1`, [sequence.toString()], 'entry');
  return row;
}

export async function readLastSequence(connection: Connection): Promise<bigint> {
  const [row] = await connection.query<{ last: bigint | null }>('SELECT max(sequence) AS last FROM audit_log', [], 'last_sequence');
  return row?.last ?? 0n;
}

export function entryOf(row: EntryRow): Entry {
  return {
    sequence: row.sequence, topic: row.topic, epoch: row.epoch, shard: row.shard, eventSequence: row.event_sequence, event: row.event,
    previousHash: row.previous_hash, hash: row.hash,
  };
}

export async function readIndexPosition(connection: Connection): Promise<bigint> {
  const [row] = await connection.query<{ sequence: bigint }>('SELECT sequence FROM search_index_position', [], 'index_position');
  return row?.sequence ?? 0n;
}

/** Never goes back, whichever replica comes last. */
export async function moveIndexPosition(connection: Connection, sequence: bigint): Promise<void> {
  await connection.query('UPDATE search_index_position SET sequence = greatest(sequence, $1::bigint)', [sequence.toString()], 'move_index_position');
}
