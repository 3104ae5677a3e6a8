import { setTimeout as pause } from 'node:timers/promises';
import { countItems } from './answer.ts';
import { Connection } from './connection.ts';
import type { LoadPlan, LoadResult } from './plan.ts';
import { requestsOf } from './requests.ts';
import { quantile } from '../statistics.ts';

const ANSWERS_WITHIN_MS = 10_000;

/** One run of a plan: opens its connections, loads, and counts what was answered in the measured time. */
export class Generator {
  private readonly plan: LoadPlan;
  private readonly connections: Connection[];
  private readonly idle: Connection[] = [];
  /** Open loop: when the requests that wait for a connection were meant to be sent. */
  private readonly waiting: number[] = [];
  private readonly next: () => string;
  private readonly latencies: number[] = [];
  private readonly statuses: Record<string, number> = {};
  private posted = 0;
  private postedInAll = 0;
  private unknown = 0;
  private dropped = 0;
  private lost = 0;
  private inFlight = 0;
  private begin_ms = Infinity;
  private end_ms = Infinity;

  constructor(plan: LoadPlan) {
    this.plan = plan;
    this.next = requestsOf(plan);
    this.connections = Array.from({ length: plan.connections }, () => new Connection(plan.target));
  }

  async connect(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.open()));
    this.idle.push(...this.connections);
  }

  /** `began` and `over` are called at the edges of the measured time, so that the CPU of the same window can be read. */
  async run(began: () => void, over: () => void): Promise<LoadResult> {
    const start_ms = performance.now();
    this.begin_ms = start_ms + this.plan.warmup_s * 1_000;
    this.end_ms = this.begin_ms + this.plan.seconds * 1_000;
    const marks = [pause(this.begin_ms - start_ms).then(began), pause(this.end_ms - start_ms).then(over)];
    if (this.plan.rate === undefined) for (const connection of this.idle.splice(0)) this.send(connection, performance.now());
    else await this.arrive(this.plan.rate, start_ms);
    await Promise.all(marks);
    const patience_ms = performance.now() + ANSWERS_WITHIN_MS;
    while (this.inFlight > 0 && performance.now() < patience_ms) await pause(20);
    this.lost += this.inFlight;
    for (const connection of this.connections) connection.close();
    return this.result();
  }

  /** Requests arrive evenly, whatever became of those before; the clock is looked at every millisecond. */
  private async arrive(rate: number, start_ms: number): Promise<void> {
    const interval_ms = 1_000 / rate;
    for (let due_ms = start_ms; due_ms < this.end_ms;) {
      const now_ms = performance.now();
      for (; due_ms <= now_ms && due_ms < this.end_ms; due_ms += interval_ms) this.admit(due_ms);
      await pause(1);
    }
  }

  private admit(due_ms: number): void {
    const connection = this.idle.pop();
    if (connection) this.send(connection, due_ms);
    else if (this.waiting.length < this.plan.connections) this.waiting.push(due_ms);
    else if (due_ms >= this.begin_ms) this.dropped++;
  }

  private send(connection: Connection, due_ms: number): void {
    this.inFlight++;
    connection.send(
      this.next(),
      (status, body) => {
        this.count(status, body, due_ms);
        this.goOn(connection);
      },
      () => {
        this.lost++;
        this.goOn(connection);
      },
    );
  }

  private count(status: number, body: Buffer, due_ms: number): void {
    const now_ms = performance.now();
    const { posted, unknown } = this.plan.batch > 1 && status < 300 ? countItems(body) : { posted: Number(status === 201 || status === 202), unknown: Number(status >= 500) };
    this.postedInAll += posted;
    this.unknown += unknown;
    if (now_ms < this.begin_ms || now_ms >= this.end_ms) return;
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.latencies.push(now_ms - due_ms);
    this.posted += posted;
  }

  private goOn(connection: Connection): void {
    this.inFlight--;
    if (!connection.isOpen) void connection.open().then(() => this.reuse(connection), () => setTimeout(() => this.goOnClosed(connection), 100));
    else this.reuse(connection);
  }

  private goOnClosed(connection: Connection): void {
    this.inFlight++;
    this.goOn(connection);
  }

  private reuse(connection: Connection): void {
    const now_ms = performance.now();
    if (this.plan.rate === undefined) {
      if (now_ms < this.end_ms) this.send(connection, now_ms);
      return;
    }
    const due_ms = this.waiting.shift();
    if (due_ms === undefined) this.idle.push(connection);
    else this.send(connection, due_ms);
  }

  private result(): LoadResult {
    const sorted = Float64Array.from(this.latencies).sort();
    const rounded = (value: number): number => Math.round(value * 100) / 100;
    return {
      seconds: this.plan.seconds, posted: this.posted, postedInAll: this.postedInAll, unknown: this.unknown, statuses: this.statuses, dropped: this.dropped, lost: this.lost,
      p50_ms: rounded(quantile(sorted, 0.5)), p99_ms: rounded(quantile(sorted, 0.99)), max_ms: rounded(sorted.at(-1) ?? 0),
    };
  }
}
