import { Client } from '@elastic/elasticsearch';
import { log } from '@holdfast/kit/logging';
import { counter, gauge } from '@holdfast/kit/metrics';
import type { Database } from '@holdfast/kit/postgres';
import { readSecret, readTls } from '@holdfast/kit/tls';
import { moveIndexPosition, readEntries, readIndexPosition, readLastSequence } from '../log/log.store.ts';
import { documentOf, indexOf } from './document.ts';

const BATCH = 500;
/** A search sees what was copied a second later at the soonest, and for Elasticsearch a request costs as much as the entries in it. */
const LINGER_MS = 250;
const BACKOFF_MAX_MS = 5_000;

const indexed = counter('audit_entries_indexed_total', 'Entries copied into Elasticsearch');
const waiting = gauge('audit_entries_unindexed', 'Entries that wait to be copied into Elasticsearch');

/**
 * Copies the log into Elasticsearch, in order, from a position of its own: while Elasticsearch is away the log grows on, and afterwards
 * the copy catches up. The id of a document is the entry's sequence and documents are only ever created, so a repeat, or a second
 * replica that copies the same, changes nothing. An entry that Elasticsearch refuses is not passed over: an auditor would miss it.
 */
export class SearchIndex {
  private readonly database: Database;
  private readonly client: Client;
  private readonly everyMs: number;
  private readonly stopping = new AbortController();
  private wake = new AbortController();
  private running: Promise<void> | undefined;
  private problem: string | undefined;

  constructor(options: { database: Database; url: string; directory: string; everyMs: number }) {
    this.database = options.database;
    this.everyMs = options.everyMs;
    this.client = new Client({
      node: options.url,
      auth: { username: 'audit', password: readSecret('elasticsearch-audit-password', options.directory) },
      tls: { ...readTls(options.directory), rejectUnauthorized: true },
      requestTimeout: 10_000,
      maxRetries: 0,
    });
  }

  start(): void {
    this.running ??= this.runForEver();
  }

  /** Entries were appended: look at once. */
  nudge(): void {
    this.wake.abort();
  }

  trouble(): string | undefined {
    return this.problem;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake.abort();
    await this.running;
    await this.client.close();
  }

  private async runForEver(): Promise<void> {
    for (let attempt = 0; !this.stopping.signal.aborted;) {
      this.wake = new AbortController();
      try {
        const copied = await this.copyBatch();
        this.problem = undefined;
        attempt = 0;
        if (copied < BATCH) {
          if (copied > 0) await this.pause(LINGER_MS, this.stopping.signal);
          await this.pause(this.everyMs, this.wake.signal);
        }
      } catch (cause) {
        if (this.problem === undefined) log.warn('entries wait to be indexed; trying on', {}, cause);
        this.problem = `entries wait to be indexed: ${cause instanceof Error ? cause.message : String(cause)}`;
        await this.pause(Math.min(BACKOFF_MAX_MS, 250 * 2 ** Math.min(attempt++, 10)), this.stopping.signal);
      }
    }
  }

  private async copyBatch(): Promise<number> {
    const position = await readIndexPosition(this.database);
    const rows = await readEntries(this.database, { after: position, limit: BATCH });
    const last = rows.at(-1);
    waiting.set(last ? Number(await readLastSequence(this.database) - position) : 0);
    if (!last) return 0;
    const result = await this.client.bulk({
      operations: rows.flatMap((row) => [{ create: { _index: indexOf(row), _id: row.sequence.toString() } }, documentOf(row)]),
    });
    // 409: it is there already.
    const refused = result.items.find(({ create }) => create && create.status >= 300 && create.status !== 409)?.create;
    if (refused) throw new Error(`Elasticsearch refuses entry ${refused._id} (${refused.status}): ${refused.error?.reason ?? 'no reason given'}`);
    await moveIndexPosition(this.database, last.sequence);
    indexed.inc(rows.length);
    waiting.dec(rows.length);
    return rows.length;
  }

  private async pause(wait_ms: number, signal: AbortSignal): Promise<void> {
    if (this.stopping.signal.aborted || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait_ms);
      signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}
