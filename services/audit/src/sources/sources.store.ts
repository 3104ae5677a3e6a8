import type { Connection } from '@holdfast/kit/postgres';

export async function readSourcePosition(connection: Connection, source: string): Promise<bigint> {
  const [row] = await connection.query<{ position: bigint }>('SELECT position FROM source_position WHERE source = $1', [source], 'source_position');
  return row?.position ?? 0n;
}

export async function moveSourcePosition(connection: Connection, source: string, position: bigint): Promise<void> {
  await connection.query('INSERT INTO source_position (source, position) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET position = excluded.position', [source, position.toString()], 'move_source_position');
}

/** Notes down what was told, and returns the ids that nobody told before. */
export async function markTakenIn(connection: Connection, source: string, told: readonly { id: string; occurredAt_ms: number }[]): Promise<Set<string>> {
  const rows = await connection.query<{ id: string }>(
    'INSERT INTO taken_in (source, id, occurred_at_ms) SELECT $1, * FROM unnest($2::text[], $3::bigint[]) ON CONFLICT DO NOTHING RETURNING id',
    [source, told.map(({ id }) => id), told.map(({ occurredAt_ms }) => occurredAt_ms)], 'mark_taken_in');
  return new Set(rows.map(({ id }) => id));
}

export async function forgetTakenIn(connection: Connection, source: string, before_ms: number): Promise<void> {
  await connection.query('DELETE FROM taken_in WHERE source = $1 AND occurred_at_ms < $2', [source, before_ms], 'forget_taken_in');
}
