import { log } from '@holdfast/kit/logging';
import { gauge } from '@holdfast/kit/metrics';
import { underLock, type Connection, type Database } from '@holdfast/kit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';

/** Any number will do, as long as nobody else takes it in this database; the second number is the source's. */
const SOURCES_LOCK = 4_706_104;
const BACKOFF_MAX_MS = 30_000;

const readAt = gauge('audit_source_read_timestamp_seconds', 'When a source of events that is asked for them was last read to its end', ['source']);

/** Something that is asked for what happened: `read` takes in what is new, and answers whether there may be more at once. */
export interface Source {
  readonly name: string;
  readonly number: number;
  read(database: Database, signal: AbortSignal): Promise<boolean>;
}

/** Asks one source again and again, one replica at a time. */
export class SourceLoop {
  private readonly options: { source: Source; database: Database; everyMs: number };
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private problem: string | undefined;

  constructor(options: { source: Source; database: Database; everyMs: number }) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.runForEver();
  }

  trouble(): string | undefined {
    return this.problem;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    const { source, database, everyMs } = this.options;
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted;) {
      let wait_ms = everyMs;
      try {
        await database.session((connection: Connection) => underLock(connection, [SOURCES_LOCK, source.number], async () => {
          while (!signal.aborted && await source.read(database, signal));
        }));
        readAt.set({ source: source.name }, Date.now() / 1_000);
        attempt = 0;
        this.problem = undefined;
      } catch (cause) {
        if (signal.aborted) return;
        // At a start together with everything else the first attempts may come too early.
        if (attempt === 3) log.warn('a source of audit events cannot be read; trying on', { 'holdfast.source': source.name }, cause);
        this.problem = `${source.name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
        wait_ms = Math.min(BACKOFF_MAX_MS, Math.max(everyMs, 500 * 2 ** Math.min(attempt++, 10)));
      }
      await sleep(wait_ms, undefined, { signal }).catch(() => undefined);
    }
  }
}
