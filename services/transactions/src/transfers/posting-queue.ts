import { Problem, unavailable } from '@holdfast/kit/problem';
import type { Posted, Posting } from './posting.ts';

interface Waiting {
  readonly posting: Posting;
  readonly name: string;
  resolve(posted: Posted): void;
  reject(cause: unknown): void;
}

/**
 * Groups the transfers of one shard into batches, as a commit costs the same for one as for a hundred. Nobody waits for a timer:
 * a batch leaves as soon as a lane is free, with whatever has come by then, so the load itself makes the batches.
 */
export class PostingQueue {
  private readonly post: (postings: readonly Posting[]) => Promise<readonly Posted[]>;
  private readonly lanes: number;
  private readonly batchMax: number;
  private readonly waitingMax: number;
  private readonly inFlight = new Set<string>();
  private waiting: Waiting[] = [];
  private busy = 0;

  constructor(
    post: (postings: readonly Posting[]) => Promise<readonly Posted[]>,
    options: { lanes: number; batchMax: number; waitingMax: number },
  ) {
    this.post = post;
    this.lanes = options.lanes;
    this.batchMax = options.batchMax;
    this.waitingMax = options.waitingMax;
  }

  add(posting: Posting): Promise<Posted> {
    const name = JSON.stringify([posting.scope, posting.key]);
    // A key is once at most in all batches under way, or its second request would wait for the first inside the database.
    if (this.inFlight.has(name)) {
      return Promise.resolve({ outcome: 'idempotency_in_flight', replayed: false, transferId: posting.transferId, postedAt: '' });
    }
    if (this.waiting.length >= this.waitingMax) return Promise.reject(unavailable('ledger_busy', 'The ledger has more work than it can take; ask again'));
    this.inFlight.add(name);
    return new Promise((resolve, reject) => {
      this.waiting.push({ posting, name, resolve, reject });
      // After this turn of the event loop, so that requests which arrived together leave together.
      setImmediate(() => this.leave());
    });
  }

  private leave(): void {
    if (this.busy >= this.lanes || this.waiting.length === 0) return;
    const batch = this.waiting.slice(0, this.batchMax);
    this.waiting = this.waiting.slice(this.batchMax);
    this.busy += 1;
    void this.settle(batch).finally(() => {
      this.busy -= 1;
      this.leave();
    });
  }

  private async settle(batch: readonly Waiting[]): Promise<void> {
    try {
      const posted = await this.post(batch.map((item) => item.posting));
      for (const [index, item] of batch.entries()) {
        const answer = posted[index];
        this.finish(item, () => (answer ? item.resolve(answer) : item.reject(new Error('a transfer was posted without an answer'))));
      }
    } catch (cause) {
      // The ledger is away for all of them alike. Anything else is the fault of one, which must not sink the others.
      if (cause instanceof Problem || batch.length === 1) {
        for (const item of batch) this.finish(item, () => item.reject(cause));
        return;
      }
      for (const item of batch) await this.settle([item]);
    }
  }

  private finish(item: Waiting, tell: () => void): void {
    this.inFlight.delete(item.name);
    tell();
  }
}
