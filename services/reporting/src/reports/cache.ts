import type { Address } from '@holdfast/kit/config';
import { log } from '@holdfast/kit/logging';
import { counter } from '@holdfast/kit/metrics';
import { readSecret, readTls } from '@holdfast/kit/tls';
import { createClient } from 'redis';

const asked = counter('report_cache_total', 'Reports asked of the cache: hit, miss, or away', ['result']);

/** Redis is asked for less time than Postgres would need to answer. */
const PATIENCE_MS = 100;

/**
 * Answers that were made before, in Redis. A key holds the version of what it tells of, and that version is read from Postgres with
 * every request, where it moves in the transaction that applies an event. So there is nothing to invalidate and no race to lose: an
 * answer from before the event has a key that nobody asks for any more, even if it is written late, even if Redis was away meanwhile.
 * Without Redis, every answer is made anew.
 */
export class ReportCache {
  private readonly client: ReturnType<typeof createClient>;
  private readonly ttlS: number;

  constructor(options: { address: Address; directory: string; ttlS: number }) {
    this.ttlS = options.ttlS;
    const { host, port } = options.address;
    this.client = createClient({
      username: 'reporting',
      password: readSecret('redis-reporting-password', options.directory),
      socket: {
        tls: true, host, port, servername: host, ...readTls(options.directory), connectTimeout: 3_000,
        reconnectStrategy: (attempt) => Math.min(5_000, 100 * 2 ** Math.min(attempt, 6)) * (0.5 + Math.random() / 2),
      },
      disableOfflineQueue: true,
      // A peer that is gone without a word is found out.
      pingInterval: 10_000,
    });
    let told = false;
    this.client.on('error', (cause: unknown) => {
      if (!told) log.warn('Redis cannot be reached; reports come from Postgres', {}, cause);
      told = true;
    });
    this.client.on('ready', () => {
      told = false;
      log.info('Redis connected');
    });
  }

  start(): void {
    // It goes on trying by itself; what it says meanwhile comes as events.
    void this.client.connect().catch(() => undefined);
  }

  trouble(): string | undefined {
    return this.client.isReady ? undefined : 'not connected: reports come from Postgres';
  }

  stop(): void {
    this.client.destroy();
  }

  /** The answer under `key`, or the one that `make` gives now. The key names the version of everything that `make` reads. */
  async get<T>(key: string, make: () => Promise<T>): Promise<T> {
    const found = await this.read(key);
    if (found !== undefined) return JSON.parse(found) as T;
    const answer = await make();
    if (this.client.isReady) {
      this.client.set(`reporting:${key}`, JSON.stringify(answer), { expiration: { type: 'EX', value: this.ttlS } })
        .catch((cause: unknown) => log.debug('an answer was not cached', { 'error.message': String(cause) }));
    }
    return answer;
  }

  private async read(key: string): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    try {
      if (!this.client.isReady) throw new Error('not connected');
      const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error('no answer in time')), PATIENCE_MS); });
      const found = await Promise.race([this.client.get(`reporting:${key}`), late]);
      asked.inc({ result: found === null ? 'miss' : 'hit' });
      return found ?? undefined;
    } catch (cause) {
      asked.inc({ result: 'away' });
      log.debug('the cache does not answer', { 'error.message': String(cause) });
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
