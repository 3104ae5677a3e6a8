import kafkajs from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import type { Admin, Consumer, EachBatchPayload, KafkaMessage, Producer } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Event } from './events.ts';
import type { Address } from './config.ts';
import { log } from './logging.ts';
import { gauge } from './metrics.ts';
import { readTls, SECRETS_DIRECTORY } from './tls.ts';

export interface OutgoingEvent {
  readonly event: Event;
  readonly key: string;
  readonly partition?: number;
  /** The event as it is to be sent, where that is known already. */
  readonly text?: string;
}

/** Sends events in the order given, each topic-partition in order; rejects if Kafka has not taken them all. */
export interface Publisher {
  publish(topic: string, events: readonly OutgoingEvent[]): Promise<void>;
}

export interface ReceivedEvent {
  readonly event: Event;
  /** The message as it came, to the byte: what is hashed. */
  readonly text: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export interface Subscription {
  /** False while the consumer is not in its group, or repeats events that its handler cannot apply. */
  isHealthy(): boolean;
  /** What is wrong, for the health page. */
  trouble(): string | undefined;
  /** Goes back to the first event of the topic: a read model that is rebuilt starts over. */
  rewind(topic: string, partition: number): void;
  stop(): Promise<void>;
}

const nextOffset = gauge('event_next_offset', 'Offset of the first event of a partition that is not applied yet', ['topic', 'partition']);

const CONNECT_PATIENCE_MS = 2_000;
/** Under load, events are taken no sooner after those before: a commit, with its wait for the disk, costs the same for one of them as for twenty. The first after a silence do not wait. */
const LINGER_MS = 100;
const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 10_000;

// kafkajs 2.2.4 looks for throttled requests by a timer that sets itself anew for ever, every millisecond and for each connection, once it has
// run: 2.5 % of a core while nothing happens (measured). Nothing that waits needs no timer; when something waits, the original sets one.
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleWhenSomethingWaits(): void {
  if (this.pending.length > 0) schedule.call(this);
};

/**
 * Kafka over mutual TLS. Nothing here ever fails a caller because Kafka is away, except `publish`: connections are made in the background
 * and repeated for ever. kafkajs is unmaintained since 2024; platform/decisions/ says how to leave it. It is used here alone.
 */
export class Kafka implements Publisher {
  private readonly client: kafkajs.Kafka;
  private readonly clientId: string;
  private producer: Producer;
  private readonly stopping = new AbortController();
  private readonly consumers = new Set<Subscription>();
  private connected = false;
  private connecting: Promise<void> | undefined;

  constructor(options: { service: string; brokers: readonly Address[]; directory?: string }) {
    this.clientId = options.service;
    this.client = new kafkajs.Kafka({
      clientId: options.service,
      brokers: options.brokers.map((broker) => `${broker.host}:${broker.port}`),
      ssl: { ...readTls(options.directory ?? SECRETS_DIRECTORY), rejectUnauthorized: true },
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 2_000 },
      logLevel: kafkajs.logLevel.WARN,
      logCreator: () => ({ label, log: entry }) => {
        const { message, error } = entry as { message: string; error?: unknown };
        // kafkajs calls errors what it repeats by itself; what matters is logged here once, by who is hit.
        log.debug(`kafkajs: ${message}`, { 'log.logger': `kafkajs.${label}`, ...(error !== undefined && { 'error.message': String(error) }) });
      },
    });
    this.producer = this.newProducer();
  }

  /** Begins to connect the producer, in the background. For services that publish. */
  start(): void {
    this.connecting ??= this.connectForEver().finally(() => { this.connecting = undefined; });
  }

  isConnected(): boolean {
    return this.connected;
  }

  async publish(topic: string, events: readonly OutgoingEvent[]): Promise<void> {
    if (events.length === 0) return;
    if (!this.connected) {
      // At boot it is a matter of milliseconds; when Kafka is away the caller is told soon.
      this.start();
      await Promise.race([this.connecting, sleep(CONNECT_PATIENCE_MS, undefined, { ref: false })]);
      if (!this.isConnected()) throw new Error('Kafka is not connected');
    }
    const { producer } = this;
    try {
      await producer.send({
        topic,
        acks: -1,
        messages: events.map(({ event, key, partition, text }) => ({
          key,
          value: text ?? JSON.stringify(event),
          ...(partition !== undefined && { partition }),
          headers: { 'content-type': 'application/json', ...(event.traceparent !== null && { traceparent: event.traceparent }) },
        })),
      });
    } catch (cause) {
      this.replace(producer);
      throw cause;
    }
  }

  /**
   * Hands over the events of some topics in order, up to `batchMax` of one partition at a time. `apply` is repeated, with backoff and for
   * ever, until it returns: nothing is skipped. It checks (epoch, shard, sequence) in the transaction in which it applies, as the same
   * event can come twice. An event that is not of the envelope's form stops its partition there and shows in `trouble()`; other partitions go on.
   */
  subscribe(options: {
    topics: readonly string[];
    group: string;
    apply(events: readonly ReceivedEvent[]): Promise<void>;
    batchMax?: number;
    /** Begins with the first event there is whenever it begins, and leaves no mark of how far it came. */
    fromTheFirst?: true;
  }): Subscription {
    const subscription = new RunningSubscription(() => this.client.consumer({
      groupId: options.group,
      allowAutoTopicCreation: false,
      // A consumer that died is replaced after this long; a rebalance of a few members is cheap.
      sessionTimeout: 10_000,
      heartbeatInterval: 2_000,
      maxWaitTimeInMs: 1_000,
      retry: { retries: 5, restartOnFailure: () => Promise.resolve(false) },
    }), options, this.clientId, this.stopping.signal);
    this.consumers.add(subscription);
    return subscription;
  }

  admin(): Admin {
    return this.client.admin();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled([...this.consumers].map((consumer) => consumer.stop()));
    await this.connecting?.catch(() => undefined);
    await this.producer.disconnect().catch(() => undefined);
    this.connected = false;
  }

  /** Idempotent means acks from all in-sync replicas and no duplicate or reordering by the producer's own repeats. */
  private newProducer(): Producer {
    const producer = this.client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    producer.on(producer.events.DISCONNECT, () => { if (producer === this.producer) this.connected = false; });
    return producer;
  }

  /**
   * After a failed send the broker may expect another sequence of this producer, and then refuses it for good. It keeps its id for life, also when it connects
   * anew, so another one takes its place. A Kafka that has lost its data gives out ids that producers from before still use: there even the first send fails.
   */
  private replace(producer: Producer): void {
    void producer.disconnect().catch(() => undefined);
    if (producer !== this.producer) return;
    this.connected = false;
    this.producer = this.newProducer();
    this.start();
  }

  private async connectForEver(): Promise<void> {
    for (let attempt = 0; !this.stopping.signal.aborted; attempt++) {
      try {
        await this.producer.connect();
        this.connected = true;
        log.info('Kafka producer connected');
        return;
      } catch (cause) {
        if (attempt === 0) log.warn('Kafka cannot be reached; trying on', {}, cause);
        await pause(attempt, this.stopping.signal);
      }
    }
  }
}

class RunningSubscription implements Subscription {
  private readonly make: () => Consumer;
  private readonly options: Parameters<Kafka['subscribe']>[0];
  private readonly service: string;
  private readonly stopped = new AbortController();
  private readonly running: Promise<void>;
  private consumer: Consumer | undefined;
  private joined = false;
  private problem: string | undefined = 'not connected yet';
  /** Partitions that stand still, what stops each, and how often it has been tried. */
  private readonly standing = new Map<string, { problem: string; attempts: number }>();

  constructor(make: () => Consumer, options: Parameters<Kafka['subscribe']>[0], service: string, stopping: AbortSignal) {
    this.make = make;
    this.options = options;
    this.service = service;
    stopping.addEventListener('abort', () => this.stopped.abort(), { once: true });
    this.running = this.runForEver();
  }

  isHealthy(): boolean {
    return this.joined && this.trouble() === undefined;
  }

  trouble(): string | undefined {
    return this.problem ?? ([...this.standing.values()].map(({ problem }) => problem).join('; ') || undefined);
  }

  rewind(topic: string, partition: number): void {
    this.consumer?.seek({ topic, partition, offset: '0' });
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    for (let attempt = 0; !this.stopped.signal.aborted; attempt++) {
      const consumer = this.make();
      this.consumer = consumer;
      const ended = new Promise<Error | undefined>((resolve) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
        this.stopped.signal.addEventListener('abort', () => resolve(undefined), { once: true });
      });
      consumer.on(consumer.events.GROUP_JOIN, () => {
        attempt = 0;
        this.joined = true;
        this.problem = undefined;
        // Another member may have them now; whoever has them finds out again.
        this.standing.clear();
        log.info('joined the consumer group', { 'kafka.group': this.options.group });
      });
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
        await consumer.run({ autoCommit: this.options.fromTheFirst !== true, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 4, eachBatch: (payload) => this.take(payload) });
        const cause = await ended;
        if (cause) throw cause;
      } catch (cause) {
        if (this.joined || attempt === 0) log.warn('the Kafka consumer lost its broker; trying on', { 'kafka.group': this.options.group }, cause);
        this.problem = `consumer is not connected: ${cause instanceof Error ? cause.message : String(cause)}`;
      }
      this.joined = false;
      await consumer.disconnect().catch(() => undefined);
      await pause(attempt, this.stopped.signal);
    }
  }

  private async take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const size = this.options.batchMax ?? 200;
    const began_ms = performance.now();
    for (let start = 0; start < batch.messages.length; start += size) {
      const messages = batch.messages.slice(start, start + size);
      const last = messages.at(-1);
      if (!last || !(await this.apply(payload, messages))) return;
      payload.resolveOffset(last.offset);
      if (this.options.fromTheFirst !== true) nextOffset.set({ topic: batch.topic, partition: batch.partition }, Number(last.offset) + 1);
      await payload.commitOffsetsIfNecessary();
      await payload.heartbeat();
    }
    // What is fetched next is what has come meanwhile.
    if (batch.messages.length < size) await sleep(Math.max(0, LINGER_MS - (performance.now() - began_ms)), undefined, { signal: this.stopped.signal }).catch(() => undefined);
  }

  /**
   * False if the events were not applied. Their partition is then paused for a while and comes again from the same offset. It is not
   * waited for here: kafkajs fetches nothing more, for any partition, until all batches of its last fetch are done.
   */
  private async apply(payload: EachBatchPayload, messages: readonly KafkaMessage[]): Promise<boolean> {
    const { topic, partition } = payload.batch;
    if (this.stopped.signal.aborted || !payload.isRunning() || payload.isStale()) return false;
    const name = `${topic}[${partition}]`;
    try {
      await this.options.apply(messages.map((message) => received(message, topic, partition)));
      this.standing.delete(name);
      return true;
    } catch (cause) {
      const attempts = this.standing.get(name)?.attempts ?? 0;
      this.standing.set(name, {
        problem: `${name} stands before offset ${messages[0]?.offset}: ${cause instanceof Error ? cause.message : String(cause)}`,
        attempts: attempts + 1,
      });
      if (attempts % 10 === 0) {
        log.error('events cannot be applied; trying on', { 'kafka.topic': topic, 'kafka.partition': partition, 'kafka.offset': messages[0]?.offset, 'kafka.client': this.service }, cause);
      }
      const resume = payload.pause();
      void pause(attempts, this.stopped.signal).then(resume);
      return false;
    }
  }
}

function received(message: KafkaMessage, topic: string, partition: number): ReceivedEvent {
  const text = message.value?.toString('utf8') ?? 'null';
  return { event: Event.parse(JSON.parse(text)), text, topic, partition, offset: message.offset };
}

async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  const wait_ms = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(attempt, 10));
  // Half of it is random, so that all services do not knock at the same moment when Kafka is back.
  await sleep(wait_ms / 2 + Math.random() * (wait_ms / 2), undefined, { signal }).catch(() => undefined);
}
