import { topics } from '@holdfast/kit/events';
import type { Kafka } from '@holdfast/kit/kafka';
import { log } from '@holdfast/kit/logging';
import { gauge } from '@holdfast/kit/metrics';
import { OutboxRelay } from '@holdfast/kit/outbox';
import type { Database } from '@holdfast/kit/postgres';
import type { Shard } from './shards/shard.ts';
import { readOutboxBacklog } from './shards/shards.store.ts';

const LOOK_EVERY_MS = 10_000;

const unpublished = gauge('outbox_unpublished_events', 'Events that wait to be published', ['shard']);
const oldest = gauge('outbox_oldest_unpublished_seconds', 'For how long the oldest unpublished event has waited', ['shard']);

/** The events of every shard on their way to Kafka: a relay each, on a connection of its own, and what waits as metrics. */
export class EventsOut {
  private readonly shards: readonly Shard[];
  private readonly relays: ReadonlyMap<Shard, OutboxRelay>;
  private timer: NodeJS.Timeout | undefined;

  constructor(lines: readonly { shard: Shard; database: Database }[], kafka: Kafka) {
    this.shards = lines.map(({ shard }) => shard);
    this.relays = new Map(lines.map(({ shard, database }) => [shard, new OutboxRelay({
      database, publisher: kafka, topic: topics.ledger, shard: shard.number, partition: shard.number, keyOf: (event) => String(event.shard),
    })]));
  }

  start(): void {
    for (const relay of this.relays.values()) relay.start();
    this.timer = setInterval(() => void this.measure(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  nudge(shard: Shard): void {
    this.relays.get(shard)?.nudge();
  }

  /** What keeps the events of any shard from leaving. */
  trouble(): string | undefined {
    return [...this.relays].flatMap(([shard, relay]) => relay.trouble()?.replace(/^/, `shard ${shard.number}: `) ?? []).join('; ') || undefined;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.allSettled([...this.relays.values()].map((relay) => relay.stop()));
  }

  private async measure(): Promise<void> {
    await Promise.allSettled(this.shards.map(async (shard) => {
      try {
        const { events, oldest_s } = await readOutboxBacklog(shard);
        unpublished.set({ shard: shard.number }, Number(events));
        oldest.set({ shard: shard.number }, oldest_s);
      } catch (cause) {
        log.debug('the outbox of a shard cannot be measured', { 'holdfast.shard': shard.number, 'error.message': String(cause) });
      }
    }));
  }
}
