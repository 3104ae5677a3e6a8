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

/** One kind of refusal: what it was told of last, when, and how often it happened since. */
interface Kind {
  readonly denial: Denial;
  readonly actor: string;
  readonly told_ms: number;
  untold: number;
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
  private readonly lately = new Map<string, Kind>();
  private timer: NodeJS.Timeout | undefined;

  constructor(kafka: Kafka) {
    this.kafka = kafka;
  }

  start(): void {
    this.timer = setInterval(() => {
      this.tellRepeats(performance.now() - REPEAT_MS);
      void this.flush();
    }, FLUSH_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    // One that is under way, or one that failed, has what came before.
    await this.flush();
    this.tellRepeats(performance.now());
    await this.flush();
  }

  tell(denial: Denial): void {
    denied.inc({ reason: denial.reason });
    const actor = currentScope()?.subject ?? 'gateway';
    const count = this.countOf(denial, actor);
    if (count > 0) this.push(denial, actor, count, currentTraceparent() ?? null);
  }

  /** Of the kinds last told of by then: the next refusal, which would tell how often they were repeated, may never come. */
  private tellRepeats(toldUntil_ms: number): void {
    for (const [name, kind] of this.lately) {
      // The eldest come first. What finds no room now is told later.
      if (kind.told_ms > toldUntil_ms || this.waiting.length >= WAITING_MAX) return;
      if (kind.untold === 0) continue;
      // They were many requests: no trace is theirs.
      this.push(kind.denial, kind.actor, kind.untold, null);
      this.lately.delete(name);
      this.lately.set(name, { ...kind, told_ms: performance.now(), untold: 0 });
    }
  }

  private push(denial: Denial, actor: string, count: number, traceparent: string | null): void {
    if (this.waiting.length >= WAITING_MAX) {
      dropped.inc({}, count);
      return;
    }
    this.waiting.push({
      id: randomUUID(),
      type: 'security.denied',
      version: 1,
      epoch: 1,
      shard: this.shard,
      occurred_at: new Date().toISOString(),
      traceparent,
      actor,
      data: { ...denial, count },
    });
  }

  /** How many of a kind to tell of now; 0 if one was told a moment ago. */
  private countOf(denial: Denial, actor: string): number {
    const name = `${actor} ${denial.reason} ${denial.method} ${denial.route}`;
    const now_ms = performance.now();
    const known = this.lately.get(name);
    if (known && now_ms - known.told_ms < REPEAT_MS) {
      known.untold++;
      return 0;
    }
    this.lately.delete(name);
    if (this.lately.size >= KINDS_MAX) this.forgetOldest();
    this.lately.set(name, { denial, actor, told_ms: now_ms, untold: 0 });
    return (known?.untold ?? 0) + 1;
  }

  private forgetOldest(): void {
    for (const [name, { denial, actor, untold }] of this.lately) {
      this.lately.delete(name);
      if (untold > 0) this.push(denial, actor, untold, null);
      return;
    }
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
