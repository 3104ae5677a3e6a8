import { log } from '@holdfast/kit/logging';
import { unavailable } from '@holdfast/kit/problem';

interface Database {
  query<Row extends object>(sql: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
}

/** How long a statement of the ledger may run. Postgres does not count the wait of a commit for its synchronous replica. */
export const STATEMENT_TIMEOUT_MS = 3_000;
/** How long a write may go unanswered, unless the configuration says otherwise. */
export const WRITE_TIMEOUT_MS = 4_000;
/**
 * How long a write that hangs keeps its connection: far beyond the longest WRITE_TIMEOUT_MS. The server does not notice when a client that waits
 * for a commit goes away, so each connection given up would leave a backend behind, without end; kept, they are no more than the pool has.
 */
export const WRITE_QUERY_TIMEOUT_MS = 120_000;

/** How long after a write went unanswered the next one is tried. */
const TRY_AGAIN_MS = 2_000;

/**
 * One shard of the ledger. Its leader does not answer a commit until the synchronous replica has it, however long that takes: so a
 * write that is not answered in time becomes a 503, and while it hangs, others are refused at once, but for one every two seconds
 * that finds out: once one is answered, all are let through again. Its outcome is not known to us then; the idempotency key tells it to whoever asks again.
 */
export class Shard {
  readonly number: number;
  private readonly writes: Database;
  private readonly reads: Database;
  private readonly answerTimeoutMs: number;
  private readonly unanswered = new Set<Promise<unknown>>();
  private lastTriedMs = -Infinity;

  /** Reads have connections of their own, as writes that hang hold theirs. */
  constructor(options: { number: number; writes: Database; reads: Database; answerTimeoutMs: number }) {
    this.number = options.number;
    this.writes = options.writes;
    this.reads = options.reads;
    this.answerTimeoutMs = options.answerTimeoutMs;
  }

  /** Asks the leader, as everything that decides does. */
  async read<Row extends object>(sql: string, values: readonly unknown[], name: string): Promise<Row[]> {
    const rows = await this.inTime(this.reads.query<Row>(sql, values, name));
    if (rows === 'late') throw unavailable('ledger_unavailable', 'The ledger does not answer at the moment', { retryAfter_s: 2 });
    return rows;
  }

  /** One statement, which is its own transaction: it resolves when the synchronous replica has it, too. */
  async write<Row extends object>(sql: string, values: readonly unknown[], name: string): Promise<Row[]> {
    const now_ms = performance.now();
    if (this.unanswered.size > 0 && now_ms - this.lastTriedMs < TRY_AGAIN_MS) throw this.unavailable();
    this.lastTriedMs = now_ms;

    const answer = this.writes.query<Row>(sql, values, name);
    const rows = await this.inTime(answer);
    if (rows !== 'late') {
      // Those that still hang may do so on connections that lead nowhere, for long.
      this.unanswered.clear();
      return rows;
    }
    this.unanswered.add(answer);
    log.error('a ledger shard does not answer a write: is its synchronous replica there?', { 'holdfast.shard': this.number });
    void answer.then(
      () => log.info('a late write was committed after all', { 'holdfast.shard': this.number }),
      (cause: unknown) => log.warn('a late write failed', { 'holdfast.shard': this.number }, cause),
    ).finally(() => { this.unanswered.delete(answer); });
    throw this.unavailable();
  }

  /** Whether a write hangs, for the health page. */
  isStalled(): boolean {
    return this.unanswered.size > 0;
  }

  /** A server that is frozen, or cut off without a word, answers nothing at all: its own time-outs do not reach us. */
  private async inTime<T>(answer: Promise<T>): Promise<T | 'late'> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => { timer = setTimeout(resolve, this.answerTimeoutMs, 'late'); });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      // Once it is late nobody else waits for it; it must not fail unheard.
      answer.catch(() => undefined);
    }
  }

  private unavailable(): Error {
    return unavailable('ledger_unavailable', 'The ledger does not take writes at the moment; ask again with the same Idempotency-Key', { retryAfter_s: 2 });
  }
}
