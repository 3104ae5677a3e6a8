import type { Position } from '@holdfast/kit/events';
import type { Stream } from '@holdfast/kit/intake';
import type { Connection } from '@holdfast/kit/postgres';
import type { Entry } from './chain.ts';

/** Any number will do, as long as nobody else takes it in this database. */
const WRITER_LOCK = 4_706_101;

/** One writer at a time, across all replicas: the chain has one end. Held until the transaction ends. The time is that of the leader, one clock for all writers. */
export async function lockHead(connection: Connection): Promise<{ sequence: bigint; hash: Buffer; now_ms: bigint }> {
  await connection.query('SELECT pg_advisory_xact_lock($1)', [WRITER_LOCK], 'lock_writer');
  const [head] = await connection.query<{ sequence: bigint; hash: Buffer; now_ms: bigint }>(
    'SELECT sequence, hash, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms FROM audit_log ORDER BY sequence DESC LIMIT 1', [], 'head');
  if (!head) throw new Error('the audit log has lost its first entry');
  return head;
}

export async function readPosition(connection: Connection, topic: string, shard: number): Promise<Position | undefined> {
  const [row] = await connection.query<{ epoch: number; sequence: bigint; epoch_began: string | null }>(
    'SELECT epoch, sequence, epoch_began FROM consumer_position WHERE topic = $1 AND shard = $2', [topic, shard], 'position');
  return row && { epoch: row.epoch, sequence: row.sequence, epochBegan: row.epoch_began ?? undefined };
}

export async function movePosition(connection: Connection, { topic, shard }: Pick<Stream, 'topic' | 'shard'>, { epoch, sequence, epochBegan }: Position): Promise<void> {
  await connection.query(
    `INSERT INTO consumer_position (topic, shard, epoch, sequence, epoch_began) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (topic, shard) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, epoch_began = excluded.epoch_began`,
    [topic, shard, epoch, sequence.toString(), epochBegan ?? null], 'move_position');
}

export interface Searchable { eventId: string; occurredAt: string; type: string; traceId: string | undefined }

export async function insertEntries(connection: Connection, entries: readonly (Entry & Searchable)[]): Promise<void> {
  await connection.query(
    `INSERT INTO audit_log (sequence, previous_hash, hash, topic, epoch, shard, event_sequence, event, occurred_at, type, trace_id, recorded_at_ms, event_id)
     SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::int[], $6::int[], $7::bigint[], $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::bigint[], $13::uuid[])`,
    [
      entries.map(({ sequence }) => sequence.toString()), entries.map(({ previousHash }) => previousHash), entries.map(({ hash }) => hash),
      entries.map(({ topic }) => topic), entries.map(({ epoch }) => epoch), entries.map(({ shard }) => shard),
      entries.map(({ eventSequence }) => eventSequence.toString()), entries.map(({ event }) => event),
      entries.map(({ occurredAt }) => occurredAt), entries.map(({ type }) => type), entries.map(({ traceId }) => traceId ?? null),
      entries.map(({ recordedAt_ms }) => recordedAt_ms.toString()), entries.map(({ eventId }) => eventId),
    ], 'insert_entries');
}

export interface EntryRow {
  sequence: bigint; previous_hash: Buffer; hash: Buffer; topic: string; epoch: number; shard: number; event_sequence: bigint;
  event: string; type: string; trace_id: string | null; recorded_at_ms: bigint;
}

const ROW = 'sequence, previous_hash, hash, topic, epoch, shard, event_sequence, event, type, trace_id, recorded_at_ms';

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

/** An entry by its sequence or by the id of its event. */
export async function findEntry(connection: Connection, wanted: string): Promise<EntryRow | undefined> {
  if (/^\d{1,18}$/.test(wanted)) return readEntry(connection, BigInt(wanted));
  const [row] = await connection.query<EntryRow>(`SELECT ${ROW} FROM audit_log WHERE event_id = $1::uuid ORDER BY sequence LIMIT 1`, [wanted]);
  return row;
}

/** What the walk over the log looks at, entry 0 included: in order, from `from` on. */
export function readLinks(connection: Connection, from: bigint, limit: number): Promise<EntryRow[]> {
  return connection.query<EntryRow>(`SELECT ${ROW} FROM audit_log WHERE sequence >= $1 ORDER BY sequence LIMIT $2`, [from.toString(), limit], 'links');
}

export async function readHashes(connection: Connection, from: bigint, to: bigint): Promise<Buffer[]> {
  const rows = await connection.query<{ hash: Buffer }>('SELECT hash FROM audit_log WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence', [from.toString(), to.toString()]);
  return rows.map(({ hash }) => hash);
}

export async function readLastSequence(connection: Connection): Promise<bigint> {
  const [row] = await connection.query<{ last: bigint | null }>('SELECT max(sequence) AS last FROM audit_log', [], 'last_sequence');
  return row?.last ?? 0n;
}

export function entryOf(row: EntryRow): Entry {
  return {
    sequence: row.sequence, topic: row.topic, epoch: row.epoch, shard: row.shard, eventSequence: row.event_sequence, event: row.event,
    previousHash: row.previous_hash, hash: row.hash, recordedAt_ms: row.recorded_at_ms,
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

/** Subtrees of 256 entries that are whole; after a restore some become whole once more, with other entries. */
export async function writeBlocks(connection: Connection, blocks: ReadonlyMap<number, Buffer>): Promise<void> {
  if (blocks.size === 0) return;
  await connection.query('INSERT INTO tree_block (block, hash) SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT (block) DO UPDATE SET hash = excluded.hash',
    [[...blocks.keys()], [...blocks.values()]], 'write_blocks');
}

/** Those of blocks `from` to `to` (exclusive) that are there. */
export async function readBlocks(connection: Connection, from: number, to: number): Promise<Map<number, Buffer>> {
  const rows = await connection.query<{ block: bigint; hash: Buffer }>('SELECT block, hash FROM tree_block WHERE block >= $1 AND block < $2 ORDER BY block', [from, to]);
  return new Map(rows.map(({ block, hash }) => [Number(block), hash]));
}
