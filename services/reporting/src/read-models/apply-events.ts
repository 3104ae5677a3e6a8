import type { Position } from '@holdfast/kit/events';
import { byStream, conclude, takeIn, type Stream } from '@holdfast/kit/intake';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import type { Connection, Database } from '@holdfast/kit/postgres';
import { project } from './project.ts';

/**
 * Brings the read models forward by some events. The position moves in the same transaction, so each event counts once however often
 * Kafka delivers it. At a gap or a foreign epoch the stream stops there: what came before is kept, and the error says where it stands.
 */
export async function applyEvents(database: Database, events: readonly ReceivedEvent[]): Promise<void> {
  for (const stream of byStream(events)) {
    conclude(await database.transaction(async (connection) => {
      const intake = takeIn(stream, await lockPosition(connection, stream));
      if (intake.next.length > 0 && intake.position) {
        await project(connection, intake.next.map(({ event }) => event));
        await movePosition(connection, stream, intake.position);
      }
      return intake;
    }));
  }
}

export async function lockPosition(connection: Connection, { topic, shard }: Pick<Stream, 'topic' | 'shard'>): Promise<Position | undefined> {
  const [row] = await connection.query<{ epoch: number; sequence: bigint; epoch_began: string | null }>(
    'SELECT epoch, sequence, epoch_began FROM consumer_position WHERE topic = $1 AND shard = $2 FOR UPDATE', [topic, shard], 'lock_position');
  return row && { epoch: row.epoch, sequence: row.sequence, epochBegan: row.epoch_began ?? undefined };
}

export async function movePosition(connection: Connection, { topic, shard }: Pick<Stream, 'topic' | 'shard'>, { epoch, sequence, epochBegan }: Position): Promise<void> {
  await connection.query(
    `INSERT INTO consumer_position (topic, shard, epoch, sequence, epoch_began) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (topic, shard) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, epoch_began = excluded.epoch_began, moved_at = clock_timestamp()`,
    [topic, shard, epoch, sequence.toString(), epochBegan ?? null], 'move_position');
}
