import type { Address } from '@holdfast/kit/config';
import { log } from '@holdfast/kit/logging';
import { counter } from '@holdfast/kit/metrics';
import { readTls } from '@holdfast/kit/tls';
import { readFileSync } from 'node:fs';
import { createClient, defineScript } from 'redis';
import { allowanceOf, decide, GCRA_SCRIPT } from './gcra.ts';
import type { Allowance } from './gcra.ts';

/** A rate limiter that is slow costs more than one that is wrong for a second. */
const ANSWER_WITHIN_MS = 250;
const REST_MS = 1_000;
const LOCAL_MAX = 50_000;

const fallbacks = counter('gateway_rate_limit_local_total', 'Requests that were limited in memory, as Redis did not answer');

const take = defineScript({
  SCRIPT: GCRA_SCRIPT,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser, key: string, perMinute: number, cost: number) {
    parser.pushKey(key);
    parser.push(String(perMinute), String(cost));
  },
  transformReply: (reply: unknown) => reply as [allowed: number, arrival: string, now: string],
});

/** Counts in Redis, for all replicas of the gateway; in memory, for this one alone, while Redis does not answer. */
export class RateLimiter {
  private readonly client;
  private readonly local = new Map<string, number>();
  private restUntil_ms = 0;
  private problem: string | undefined = 'not connected yet';

  constructor(options: { redis: Address; passwordFile: string; directory: string }) {
    this.client = createClient({
      username: 'gateway',
      password: readFileSync(options.passwordFile, 'utf8').trim(),
      socket: {
        host: options.redis.host,
        port: options.redis.port,
        tls: true,
        ...readTls(options.directory),
        servername: options.redis.host,
        connectTimeout: 2_000,
        reconnectStrategy: (attempts: number) => Math.min(2_000, 50 * 2 ** Math.min(attempts, 6)) * (0.5 + Math.random() / 2),
      },
      // A command that waits for a connection would make its client wait too.
      disableOfflineQueue: true,
      scripts: { take },
    });
    this.client.on('ready', () => { this.problem = undefined; });
    this.client.on('error', (cause: unknown) => {
      if (this.problem === undefined) log.warn('Redis does not answer: limits are counted in memory', {}, cause);
      this.problem = `limits are counted in memory: ${cause instanceof Error ? cause.message || cause.name : String(cause)}`;
    });
  }

  start(): void {
    void this.client.connect().catch(() => undefined);
  }

  trouble(): string | undefined {
    return this.problem;
  }

  /** `cost`: for how many requests it counts. */
  async take(key: string, perMinute: number, cost = 1): Promise<Allowance> {
    if (this.client.isReady && performance.now() >= this.restUntil_ms) {
      try {
        const [allowed, arrival, now] = await within(this.client.take(`gateway:limit:${key}`, perMinute, cost), ANSWER_WITHIN_MS);
        return allowanceOf(allowed === 1, Number(arrival), perMinute, Number(now), cost);
      } catch (cause) {
        this.rest(cause);
      }
    }
    fallbacks.inc();
    return this.takeLocally(key, perMinute, cost);
  }

  async close(): Promise<void> {
    if (this.client.isReady) await this.client.close();
    else this.client.destroy();
  }

  /** One line a rest, however many requests waited for the same answer. */
  private rest(cause: unknown): void {
    const resting = performance.now() < this.restUntil_ms;
    this.restUntil_ms = performance.now() + REST_MS;
    if (!resting) log.warn('Redis refused or was late: limits are counted in memory for a second', {}, cause);
  }

  private takeLocally(key: string, perMinute: number, cost: number): Allowance {
    const { allowance, arrival_ms } = decide(this.local.get(key), perMinute, performance.now(), cost);
    this.local.delete(key);
    const oldest = this.local.size >= LOCAL_MAX ? this.local.keys().next() : undefined;
    if (oldest && !oldest.done) this.local.delete(oldest.value);
    this.local.set(key, arrival_ms);
    return allowance;
  }
}

async function within<T>(work: Promise<T>, limit_ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${limit_ms} ms`)), limit_ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
