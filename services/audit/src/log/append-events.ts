import { byStream, conclude, takeIn } from '@holdfast/kit/intake';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import { counter } from '@holdfast/kit/metrics';
import type { Database } from '@holdfast/kit/postgres';
import { parseTraceparent } from '@holdfast/kit/trace';
import { chain } from './chain.ts';
import { insertEntries, lockHead, movePosition, readPosition } from './log.store.ts';

const appended = counter('audit_entries_total', 'Entries appended to the audit log', ['topic']);

/**
 * Appends events to the log. The position of their stream moves in the same transaction, so each event has one entry however often Kafka
 * delivers it. A restore is an entry like any other: what no longer happened after it stays in the log,
 * which tells what was. At a gap, or an epoch that no restore began, the stream stops there: what came before is kept, and the error says where it stands.
 */
export async function appendEvents(database: Database, events: readonly ReceivedEvent[]): Promise<void> {
  for (const stream of byStream(events)) {
    const { topic, shard } = stream;
    const intake = await database.transaction(async (connection) => {
      const head = await lockHead(connection);
      const found = takeIn(stream, await readPosition(connection, topic, shard), { keepsWhatWas: true });
      if (found.next.length > 0 && found.position) {
        const entries = chain(head, found.next.map(({ event, text }) => ({
          topic, epoch: event.epoch, shard, eventSequence: BigInt(event.sequence), event: text,
          occurredAt: event.occurred_at, type: event.type, traceId: parseTraceparent(event.traceparent ?? undefined)?.traceId,
        })));
        await insertEntries(connection, entries);
        await movePosition(connection, stream, found.position);
      }
      return found;
    });
    if (intake.next.length > 0) appended.inc({ topic }, intake.next.length);
    conclude(intake);
  }
}
