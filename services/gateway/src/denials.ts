import { topics } from '@holdfast/kit/events';
import type { Event } from '@holdfast/kit/events';
import type { Kafka } from '@holdfast/kit/kafka';
import { counter } from '@holdfast/kit/metrics';
import { currentScope, currentTraceparent } from '@holdfast/kit/trace';
import { randomInt, randomUUID } from 'node:crypto';

const FLUSH_MS = 1_000;
const WAITING_MAX = 1_000;
/** The same refusal of the same caller is told once in this time, with the number of times it happened. */
const REPEAT_MS = 10_000;
const KINDS_MAX = 5_000;

const denied = counter('gateway_denied_total', 'Requests that the gateway refused, by reason', ['reason']);
const dropped = counter('gateway_denials_dropped_total', 'Refusals that were not told to the audit trail, as too many waited');

export interface Denial {
  readonly reason: string;
  readonly status: number;
  readonly method: string;
  readonly route: string;
}

/**
 * Tells the audit trail who was refused. There is no database here to number events in: each process of the gateway is a shard of its own and
 * counts from 1. Numbers are given when an event is sent and kept until Kafka has it, so that they have no gap. Addresses of clients are
 * personal data and stay out.
 */
export class Denials {
  private readonly kafka: Kafka;
  private readonly shard = randomInt(1, 2 ** 31 - 1);
  private sequence = 0n;
  private waiting: Omit<Event, 'sequence'>[] = [];
  private sending: Event[] = [];
  private flushing: Promise<void> | undefined;
  private readonly lately = new Map<string, { told_ms: number; untold: number }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(kafka: Kafka) {
    this.kafka = kafka;
  }

  start(): void {
    this.timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  tell(denial: Denial): void {
    denied.inc({ reason: denial.reason });
    const actor = currentScope()?.subject ?? 'gateway';
    const count = this.countOf(`${actor} ${denial.reason} ${denial.method} ${denial.route}`);
    if (count === 0) return;
    if (this.waiting.length >= WAITING_MAX) {
      dropped.inc();
      return;
    }
    this.waiting.push({
      id: randomUUID(),
      type: 'security.denied',
      version: 1,
      epoch: 1,
      shard: this.shard,
      occurred_at: new Date().toISOString(),
      traceparent: currentTraceparent() ?? null,
      actor,
      data: { ...denial, count },
    });
  }

  /** How many of a kind to tell of now; 0 if one was told a moment ago. */
  private countOf(kind: string): number {
    const now_ms = performance.now();
    const known = this.lately.get(kind);
    if (known && now_ms - known.told_ms < REPEAT_MS) {
      known.untold++;
      return 0;
    }
    this.lately.delete(kind);
    const oldest = this.lately.size >= KINDS_MAX ? this.lately.keys().next() : undefined;
    if (oldest && !oldest.done) this.lately.delete(oldest.value);
    this.lately.set(kind, { told_ms: now_ms, untold: 0 });
    return (known?.untold ?? 0) + 1;
  }

  /** One at a time: a second one would send what the first is still sending. */
  private flush(): Promise<void> {
    this.flushing ??= this.flushOnce().finally(() => { this.flushing = undefined; });
    return this.flushing;
  }

  private async flushOnce(): Promise<void> {
    if (this.sending.length === 0) {
      this.sending = this.waiting.splice(0).map((event) => ({ ...event, sequence: String(++this.sequence) }));
    }
    if (this.sending.length === 0) return;
    try {
      await this.kafka.publish(topics.security, this.sending.map((event) => ({ event, key: String(this.shard), partition: 0 })));
      this.sending = [];
    } catch {
      // Kafka is away: the same events, with the same numbers, at the next turn. The health page says so.
    }
  }
}
