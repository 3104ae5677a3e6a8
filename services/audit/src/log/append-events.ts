import type { Event } from '@holdfast/kit/events';
import { byStream, conclude, takeIn } from '@holdfast/kit/intake';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import { counter } from '@holdfast/kit/metrics';
import type { Connection, Database } from '@holdfast/kit/postgres';
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
        await insertEntries(connection, linked(head, topic, found.next));
        await movePosition(connection, stream, found.position);
      }
      return found;
    });
    if (intake.next.length > 0) appended.inc({ topic }, intake.next.length);
    conclude(intake);
  }
}

/** What happened, told by a source that numbers nothing: the log itself gives it its place in a stream of that source. */
export interface Occurrence {
  /** A UUID, the same however often it is told. */
  readonly id: string;
  readonly type: string;
  readonly occurredAt_ms: number;
  readonly actor: string;
  readonly data: Record<string, unknown>;
}

/** Appends what happened to the stream of a source, within a transaction of the caller, who sees to it that each comes once. */
export async function appendOccurrences(connection: Connection, topic: string, occurrences: readonly Occurrence[]): Promise<void> {
  if (occurrences.length === 0) return;
  const head = await lockHead(connection);
  const { epoch, sequence } = await readPosition(connection, topic, 0) ?? { epoch: 1, sequence: 0n };
  const events = occurrences.map(({ id, type, occurredAt_ms, actor, data }, index): { event: Event; text: string } => {
    const event: Event = {
      id, type, version: 1, epoch, shard: 0, sequence: (sequence + BigInt(index) + 1n).toString(), occurred_at: new Date(occurredAt_ms).toISOString(), traceparent: null, actor, data,
    };
    return { event, text: JSON.stringify(event) };
  });
  await insertEntries(connection, linked(head, topic, events));
  await movePosition(connection, { topic, shard: 0 }, { epoch, sequence: sequence + BigInt(events.length) });
  appended.inc({ topic }, events.length);
}

function linked(head: Awaited<ReturnType<typeof lockHead>>, topic: string, events: readonly Pick<ReceivedEvent, 'event' | 'text'>[]): Parameters<typeof insertEntries>[1] {
  return chain(head, events.map(({ event, text }) => ({
    recordedAt_ms: head.now_ms, topic, epoch: event.epoch, shard: event.shard, eventSequence: BigInt(event.sequence), event: text, eventId: event.id,
    occurredAt: event.occurred_at, type: event.type, traceId: parseTraceparent(event.traceparent ?? undefined)?.traceId,
  })));
}
