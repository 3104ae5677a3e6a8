import type { Event } from './events.ts';
import type { EventData, EventType } from './events.ts';
import type { OutgoingEvent, Publisher } from './kafka.ts';
import { underLock, type Connection, type Database } from './postgres.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './logging.ts';
import { histogram } from './metrics.ts';
import { currentTraceparent } from './trace.ts';

/** Any number will do, as long as nobody else takes it in the same database. */
const RELAY_LOCK = 4_706_001;
const BATCH_MAX = 500;
/** Of what is sent at once: the broker takes 2 MB, and an event of fifty legs has ten thousand bytes. */
const SEND_MAX_BYTES = 1_000_000;
/** Under load, a batch is begun no sooner after the one before: a statement costs the same for one event as for twenty. The first after a silence does not wait. */
const LINGER_MS = 15;
const POLL_MIN_MS = 20;
const POLL_MAX_MS = 1_000;
const BACKOFF_MAX_MS = 5_000;

const acknowledged = histogram('outbox_acknowledged_seconds', 'From when an event occurred in the database until Kafka had it', ['shard'],
  [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600]);

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
  /** JSON. It goes on as it is: to parse it and write it again would cost more than all the rest. */
  data: string;
  traceparent: string | null;
  actor: string;
  occurred_at: string;
  epoch: number;
  sequence: bigint;
}

const ROW = `event_id, type, data::text as data, traceparent, actor, outbox.epoch, outbox.sequence,
  to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as occurred_at`;

// Rows that are visible now get the next numbers in the order of their ids. A row with a lower id that commits later gets a later number:
// the order of an account still holds, as its outbox rows are written while the account is locked. The same statement, and so the same commit,
// gives back the rows and marks what has left since the one before. The commit must have reached the replica before an event leaves: were a number lost in
// a failover, it would be given a second time, to another event. So there is one wait for the replica a batch, and none for the mark.
const NUMBER = `
  with batch as (
    select place_of_row, row_number() over (order by id) as place
      from (select id, ctid as place_of_row from outbox where sequence is null order by id limit $2) as visible
  ), stream as (
    update event_stream set last_sequence = last_sequence + (select count(*) from batch), published_sequence = greatest(published_sequence, $3)
     where shard = $1 and (exists (select from batch) or published_sequence < $3)
    returning epoch, last_sequence - (select count(*) from batch) as before
  )
  update outbox set epoch = stream.epoch, sequence = stream.before + batch.place
    from batch, stream
   where outbox.ctid = batch.place_of_row
  returning ${ROW}`;

const UNPUBLISHED = `
  select ${ROW}
    from outbox join event_stream on event_stream.shard = $1 and outbox.epoch = event_stream.epoch
   where sequence > greatest(published_sequence, $3)
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
  private wake = Promise.withResolvers<void>();
  private awake = false;
  private problem: string | undefined;

  constructor(options: { database: Database; publisher: Publisher; topic: string; shard: number; partition: number; keyOf(event: Event): string }) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.runForEver();
  }

  /** Called after a commit: the relay looks at once. Without it (another replica committed) the next poll finds the row. */
  nudge(): void {
    if (this.awake) return;
    this.awake = true;
    this.wake.resolve();
  }

  /** What keeps events from leaving, for the health page. */
  trouble(): string | undefined {
    return this.problem;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.nudge();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    for (let attempt = 0; !this.stopping.signal.aborted; attempt++) {
      try {
        await this.options.database.session((connection) => underLock(connection, [RELAY_LOCK, this.options.shard], async () => {
          // Only a batch that left ends the trouble: an attempt would make the health page flicker and the warning repeat.
          await this.relay(connection, () => { attempt = 0; this.problem = undefined; });
        }));
        // Another replica relays, or we were stopped.
        attempt = 0;
        await sleep(POLL_MAX_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      } catch (cause) {
        if (this.problem === undefined) log.warn('events wait in the outbox; trying on', { 'holdfast.shard': this.options.shard }, cause);
        this.problem = `events wait in the outbox: ${cause instanceof Error ? cause.message : String(cause)}`;
        await sleep(Math.min(BACKOFF_MAX_MS, 100 * 2 ** Math.min(attempt, 10)), undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** Runs while the lock is held. Leaves by an error only, or when stopped with nothing half done. While one batch is on its way, the next is numbered. */
  private async relay(connection: Connection, onSuccess: () => void): Promise<void> {
    let published = await this.publishLeftover(connection, onSuccess);
    let poll_ms = POLL_MIN_MS;
    let onItsWay: Promise<bigint> | undefined;
    while (!this.stopping.signal.aborted || onItsWay) {
      const began_ms = performance.now();
      this.awake = false;
      this.wake = Promise.withResolvers<void>();
      const rows = this.stopping.signal.aborted ? [] : await this.read(connection, NUMBER, published);
      if (onItsWay) published = await onItsWay;
      if (onItsWay || rows.length === 0) onSuccess();
      onItsWay = rows.length > 0 ? this.publish(rows) : undefined;
      // It is waited for in the next round; if it fails before, that round tells.
      onItsWay?.catch(() => undefined);
      if (rows.length >= BATCH_MAX || this.stopping.signal.aborted) continue;
      if (onItsWay) {
        poll_ms = POLL_MIN_MS;
        await sleep(Math.max(0, LINGER_MS - (performance.now() - began_ms)));
        if (!this.awake) {
          published = await onItsWay;
          onItsWay = undefined;
          onSuccess();
        }
      }
      await this.pause(poll_ms);
      if (rows.length === 0) poll_ms = Math.min(POLL_MAX_MS, poll_ms * 2);
    }
    // What has left and is not marked leaves once more when the next one begins, with the same numbers; this spares it that.
    await connection.query('update event_stream set published_sequence = greatest(published_sequence, $2) where shard = $1', [this.options.shard, published], 'outbox_published');
  }

  /** What was numbered, and may not have left, when somebody else stopped. Returns up to where all has left. */
  private async publishLeftover(connection: Connection, onSuccess: () => void): Promise<bigint> {
    for (let published = 0n; ;) {
      const rows = await this.read(connection, UNPUBLISHED, published);
      if (rows.length === 0) return published;
      published = await this.publish(rows);
      onSuccess();
    }
  }

  /** Rows in the order of their numbers. */
  private async read(connection: Connection, statement: string, published: bigint): Promise<OutboxRow[]> {
    const rows = await connection.query<OutboxRow>(statement, [this.options.shard, BATCH_MAX, published], statement === NUMBER ? 'outbox_number' : 'outbox_unpublished');
    return rows.sort((one, other) => (one.sequence < other.sequence ? -1 : 1));
  }

  /** Resolves with the number of the last one once Kafka has them all. */
  private async publish(rows: readonly OutboxRow[]): Promise<bigint> {
    const { shard, topic, publisher } = this.options;
    for (let start = 0; start < rows.length;) {
      const part: OutgoingEvent[] = [];
      for (let size = 0; start < rows.length && (part.length === 0 || size < SEND_MAX_BYTES); start++) {
        const row = rows[start];
        if (!row) break;
        const outgoing = this.outgoing(row);
        part.push(outgoing);
        size += outgoing.text?.length ?? 0;
      }
      await publisher.publish(topic, part);
      const now_ms = Date.now();
      for (const { event } of part) acknowledged.observe({ shard }, Math.max(0, now_ms - Date.parse(event.occurred_at)) / 1_000);
    }
    return rows.at(-1)?.sequence ?? 0n;
  }

  private outgoing({ event_id, type, data, traceparent, actor, occurred_at, epoch, sequence }: OutboxRow): OutgoingEvent {
    const { shard, partition, keyOf } = this.options;
    const envelope = { id: event_id, type, version: 1, epoch, shard, sequence: sequence.toString(), occurred_at, traceparent, actor } as const;
    // Parsed only for who asks.
    const event: Event = Object.defineProperty(envelope as Event, 'data', { get: () => JSON.parse(data) as Event['data'] });
    return { event, key: keyOf(event), partition, text: `${JSON.stringify(envelope).slice(0, -1)},"data":${data}}` };
  }

  /** A nudge ends it early, also one that came while the relay was at work. */
  private async pause(wait_ms: number): Promise<void> {
    if (this.awake || this.stopping.signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.wake.promise, new Promise((resolve) => { timer = setTimeout(resolve, wait_ms); })]);
    clearTimeout(timer);
  }
}
