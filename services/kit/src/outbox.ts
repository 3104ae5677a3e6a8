import type { Event } from './events.ts';
import type { EventData, EventType } from './events.ts';
import type { Publisher } from './kafka.ts';
import type { Connection, Database } from './postgres.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './logging.ts';
import { currentTraceparent } from './trace.ts';

/** Any number will do, as long as nobody else takes it in the same database. */
const RELAY_LOCK = 4_706_001;
const BATCH_MAX = 500;
const POLL_MIN_MS = 20;
const POLL_MAX_MS = 1_000;
const BACKOFF_MAX_MS = 5_000;

/** Writes an event in the transaction of what it tells of. `actor` is the caller's subject id, or a service's name. */
export async function writeEvent<Type extends EventType>(connection: Connection, event: { type: Type; data: EventData<Type>; actor: string }): Promise<void> {
  await connection.query(
    'insert into outbox (type, data, traceparent, actor) values ($1, $2, $3, $4)',
    [event.type, JSON.stringify(event.data), currentTraceparent() ?? null, event.actor],
  );
}

/** Rows as the relay reads them. */
interface OutboxRow {
  event_id: string;
  type: string;
  data: Record<string, unknown>;
  traceparent: string | null;
  actor: string;
  occurred_at: string;
  epoch: number;
  sequence: bigint;
}

// Rows that are visible now get the next numbers in the order of their ids. A row with a lower id that commits later gets a later number:
// the order of an account still holds, as its outbox rows are written while the account is locked.
const NUMBER = `
  with batch as (
    select id, row_number() over (order by id) as place
      from (select id from outbox where sequence is null order by id limit $2) as visible
  ), stream as (
    update event_stream set last_sequence = last_sequence + (select count(*) from batch)
     where shard = $1 and exists (select from batch)
    returning epoch, last_sequence - (select count(*) from batch) as before
  )
  update outbox set epoch = stream.epoch, sequence = stream.before + batch.place
    from batch, stream
   where outbox.id = batch.id`;

const UNPUBLISHED = `
  select event_id, type, data, traceparent, actor, outbox.epoch, sequence,
         to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as occurred_at
    from outbox join event_stream on event_stream.shard = $1 and outbox.epoch = event_stream.epoch
   where sequence > published_sequence
   order by sequence
   limit $2`;

/**
 * Carries the outbox of one shard to Kafka: at least once, in order, by one replica of the service at a time (an advisory lock of a session;
 * if the session dies the lock goes with it, and so does the right to number). A repeat after a crash carries the same numbers.
 */
export class OutboxRelay {
  private readonly options: { database: Database; publisher: Publisher; topic: string; shard: number; partition: number; keyOf(event: Event): string };
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private wake = new AbortController();
  private problem: string | undefined;

  constructor(options: { database: Database; publisher: Publisher; topic: string; shard: number; partition: number; keyOf(event: Event): string }) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.runForEver();
  }

  /** Called after a commit: the relay looks at once. Without it (another replica committed) the next poll finds the row. */
  nudge(): void {
    this.wake.abort();
  }

  /** What keeps events from leaving, for the health page. */
  trouble(): string | undefined {
    return this.problem;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake.abort();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    for (let attempt = 0; !this.stopping.signal.aborted; attempt++) {
      try {
        await this.options.database.session(async (connection) => {
          const [lock] = await connection.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [RELAY_LOCK, this.options.shard]);
          if (!lock?.taken) return;
          try {
            // Only a batch that left ends the trouble: an attempt would make the health page flicker and the warning repeat.
            await this.relay(connection, () => { attempt = 0; this.problem = undefined; });
          } finally {
            // On a broken session this fails, and the lock is gone with the session anyway.
            await connection.query('select pg_advisory_unlock($1, $2)', [RELAY_LOCK, this.options.shard]).catch(() => undefined);
          }
        });
        // Another replica relays, or we were stopped.
        attempt = 0;
        await this.pause(POLL_MAX_MS, this.stopping.signal);
      } catch (cause) {
        if (this.problem === undefined) log.warn('events wait in the outbox; trying on', { 'holdfast.shard': this.options.shard }, cause);
        this.problem = `events wait in the outbox: ${cause instanceof Error ? cause.message : String(cause)}`;
        await this.pause(Math.min(BACKOFF_MAX_MS, 100 * 2 ** Math.min(attempt, 10)), this.stopping.signal);
      }
    }
  }

  /** Runs while the lock is held. Leaves by an error only, or when stopped with nothing half done. */
  private async relay(connection: Connection, onSuccess: () => void): Promise<void> {
    let poll_ms = POLL_MIN_MS;
    while (!this.stopping.signal.aborted) {
      const published = await this.relayOnce(connection);
      onSuccess();
      if (published >= BATCH_MAX) continue;
      poll_ms = published > 0 ? POLL_MIN_MS : Math.min(POLL_MAX_MS, poll_ms * 2);
      await this.pause(poll_ms);
    }
  }

  /** Numbers, publishes and marks one batch. Returns how many events left. */
  private async relayOnce(connection: Connection): Promise<number> {
    const { shard, topic, partition, publisher, keyOf } = this.options;
    await connection.query(NUMBER, [shard, BATCH_MAX], 'outbox_number');
    const rows = await connection.query<OutboxRow>(UNPUBLISHED, [shard, BATCH_MAX], 'outbox_unpublished');
    const last = rows.at(-1);
    if (!last) return 0;
    const events = rows.map((row): Event => ({
      id: row.event_id,
      type: row.type,
      version: 1,
      epoch: row.epoch,
      shard,
      sequence: row.sequence.toString(),
      occurred_at: row.occurred_at,
      traceparent: row.traceparent,
      actor: row.actor,
      data: row.data,
    }));
    await publisher.publish(topic, events.map((event) => ({ event, key: keyOf(event), partition })));
    await connection.query('update event_stream set published_sequence = $2 where shard = $1', [shard, last.sequence], 'outbox_published');
    return rows.length;
  }

  /** A nudge ends it early (also one that came while the relay was at work), unless it waits for something that no commit mends. */
  private async pause(wait_ms: number, signal: AbortSignal = this.wake.signal): Promise<void> {
    if (this.stopping.signal.aborted) return;
    await sleep(wait_ms, undefined, { signal }).catch(() => undefined);
    if (this.wake.signal.aborted) this.wake = new AbortController();
  }
}
