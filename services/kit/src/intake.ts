import { placeOf, type Position } from './events.ts';
import type { ReceivedEvent, Subscription } from './kafka.ts';
import { log } from './logging.ts';
import { counter, gauge } from './metrics.ts';
import { inTrace } from './trace.ts';

const applied = counter('events_applied_total', 'Events applied', ['topic', 'shard']);
const refused = counter('events_refused_total', 'Times that a stream was refused: a gap, or an epoch that is not the current one', ['topic', 'shard', 'reason']);
const stopped = gauge('event_stream_stopped', '1 while a stream stands still because an event was refused', ['topic', 'shard']);
const delay = gauge('event_delay_seconds', 'Time from when the last applied event occurred until it was applied', ['topic', 'shard']);

export type RefusedPlace = 'gap' | 'older_epoch' | 'newer_epoch' | 'taken_back';

/** A shard of a topic, and events of it in their order. */
export interface Stream {
  readonly topic: string;
  readonly shard: number;
  readonly events: readonly ReceivedEvent[];
}

export interface StreamRefusal {
  readonly reason: RefusedPlace;
  readonly received: ReceivedEvent;
}

/** Events of one stream (a shard of a topic) that come next, up to the first that must not be applied. */
export interface Intake {
  readonly topic: string;
  readonly shard: number;
  readonly next: readonly ReceivedEvent[];
  /** Where the consumer stands once they are applied. */
  readonly position: Position | undefined;
  readonly refusal: StreamRefusal | undefined;
}

/** A stream that must not go on: applying what came would build on events that were never seen, or that no longer happened. */
export class StreamRefused extends Error {
  readonly reason: RefusedPlace;
  readonly topic: string;
  readonly partition: number;

  constructor(intake: Intake, { reason, received }: StreamRefusal) {
    const { epoch, sequence } = received.event;
    super(`${intake.topic} shard ${intake.shard}: ${reason} at epoch ${epoch} sequence ${sequence}, standing at ${
      intake.position ? `epoch ${intake.position.epoch} sequence ${intake.position.sequence}` : 'the beginning'}${
      reason === 'taken_back' ? ': the database was restored to before that, and the read models must follow:  ./holdfast rebuild reporting' : ''}`);
    this.name = 'StreamRefused';
    this.reason = reason;
    this.topic = received.topic;
    this.partition = received.partition;
  }
}

/**
 * Sorts out what to apply: seen events are dropped, and everything from the first refused one on. `keepsWhatWas`: for a log of what was told, which goes on after
 * a restore though some of it no longer happened; a model of what is must be built anew then.
 */
export function takeIn({ topic, shard, events }: Stream, position: Position | undefined, { keepsWhatWas = false } = {}): Intake {
  const next: ReceivedEvent[] = [];
  let stand = position;
  for (const received of events) {
    const { event } = received;
    const found = placeOf(event, stand);
    const place = found === 'taken_back' && keepsWhatWas ? 'next' : found;
    if (place === 'seen') continue;
    if (place !== 'next') return { topic, shard, next, position: stand, refusal: { reason: place, received } };
    next.push(received);
    const epochBegan = event.epoch === stand?.epoch ? stand.epochBegan : stand === undefined ? undefined : event.occurred_at;
    stand = { epoch: event.epoch, sequence: BigInt(event.sequence), ...(epochBegan !== undefined && { epochBegan }) };
  }
  return { topic, shard, next, position: stand, refusal: undefined };
}

/** The events of a batch by stream. */
export function byStream(events: readonly ReceivedEvent[]): Stream[] {
  const topics = Map.groupBy(events, ({ topic }) => topic);
  return [...topics].flatMap(([topic, ofTopic]) =>
    [...Map.groupBy(ofTopic, ({ event }) => event.shard)].map(([shard, ofShard]) => ({ topic, shard, events: ofShard })));
}

/** Counts what was committed; throws if the stream must not go on, so that its partition stands still and says so. */
export function conclude(intake: Intake): void {
  const labels = { topic: intake.topic, shard: intake.shard };
  const last = intake.next.at(-1);
  // One line an event, in the trace of the request that caused it: so a transfer can be followed to its last reader.
  for (const { event } of intake.next) {
    inTrace(event.traceparent ?? undefined, () => log.info('event applied', { 'event.action': event.type, 'event.id': event.id, 'kafka.topic': intake.topic, shard: intake.shard, sequence: event.sequence }));
  }
  if (last) {
    applied.inc(labels, intake.next.length);
    delay.set(labels, Math.max(0, (Date.now() - Date.parse(last.event.occurred_at)) / 1_000));
  }
  stopped.set(labels, intake.refusal ? 1 : 0);
  if (!intake.refusal) return;
  refused.inc({ ...labels, reason: intake.refusal.reason });
  throw new StreamRefused(intake, intake.refusal);
}

/**
 * Wraps the `apply` of a subscription: after a gap the stream is read again from its start, once a process. The offset kept in Kafka is
 * ahead of a database that was restored or made anew; what was seen is dropped on the way, and if the gap is real it shows again.
 */
export function rewindingOnce(apply: (events: readonly ReceivedEvent[]) => Promise<void>, subscription: () => Subscription): (events: readonly ReceivedEvent[]) => Promise<void> {
  const rewound = new Set<string>();
  return async (events) => {
    try {
      await apply(events);
    } catch (cause) {
      if (cause instanceof StreamRefused && cause.reason === 'gap') {
        const name = `${cause.topic}[${cause.partition}]`;
        if (!rewound.has(name)) {
          rewound.add(name);
          log.warn('a gap in a stream: reading it again from its start', { 'kafka.topic': cause.topic, 'kafka.partition': cause.partition }, cause);
          subscription().rewind(cause.topic, cause.partition);
        }
      }
      throw cause;
    }
  };
}
