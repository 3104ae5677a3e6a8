import { Problem, unavailable } from '@holdfast/kit/problem';
import { subjectOf, type Posted, type Posting } from './posting.ts';

interface Waiting {
  readonly posting: Posting;
  readonly name: string;
  answered(posted: Posted): void;
  failed(cause: unknown): void;
}

/**
 * Groups the postings of one shard into batches, as a commit costs the same for one as for a hundred. Nobody waits for a timer:
 * a batch leaves as soon as a lane is free, with whatever has come by then, so the load itself makes the batches. (A window of 1 to 5 ms was tried:
 * under 64 clients the batches were as large without it, and a lone request would only have waited.)
 */
export class PostingQueue {
  private readonly post: (postings: readonly Posting[]) => Promise<readonly Posted[]>;
  private readonly lanes: number;
  private readonly batchMax: number;
  private readonly waitingMax: number;
  private readonly inFlight = new Set<string>();
  private waiting: Waiting[] = [];
  private busy = 0;
  private leaving = false;

  constructor(
    post: (postings: readonly Posting[]) => Promise<readonly Posted[]>,
    options: { lanes: number; batchMax: number; waitingMax: number },
  ) {
    this.post = post;
    this.lanes = options.lanes;
    this.batchMax = options.batchMax;
    this.waitingMax = options.waitingMax;
  }

  /** The answer to one posting. Rejects if there is none: with 503 if there is too much to do, or the ledger is away. */
  add(posting: Posting): Promise<Posted> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length >= this.waitingMax) reject(busy());
      else this.enqueue(posting, resolve, reject);
    });
  }

  /** The answers to many that came together, in their order: what `add` would resolve to, or reject with. */
  addMany(postings: readonly Posting[]): Promise<({ posted: Posted } | { cause: unknown })[]> {
    if (this.waiting.length + postings.length > this.waitingMax) return Promise.resolve(postings.map(() => ({ cause: busy() })));
    return new Promise((resolve) => {
      const answers = new Array<{ posted: Posted } | { cause: unknown }>(postings.length);
      let missing = postings.length;
      if (missing === 0) resolve(answers);
      for (const [index, posting] of postings.entries()) {
        const answer = (one: { posted: Posted } | { cause: unknown }): void => {
          answers[index] = one;
          missing -= 1;
          if (missing === 0) resolve(answers);
        };
        this.enqueue(posting, (posted) => answer({ posted }), (cause) => answer({ cause }));
      }
    });
  }

  private enqueue(posting: Posting, answered: Waiting['answered'], failed: Waiting['failed']): void {
    const name = `${posting.scope}\n${posting.key}`;
    // A key is once at most in all batches under way, or its second request would wait for the first inside the database.
    if (this.inFlight.has(name)) {
      answered({ outcome: 'idempotency_in_flight', replayed: false, subjectId: subjectOf(posting), postedAt: '' });
      return;
    }
    this.inFlight.add(name);
    this.waiting.push({ posting, name, answered, failed });
    if (this.leaving) return;
    this.leaving = true;
    // After this turn of the event loop, so that requests which arrived together leave together.
    setImmediate(() => {
      this.leaving = false;
      this.leave();
    });
  }

  private leave(): void {
    while (this.busy < this.lanes && this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.batchMax);
      this.busy += 1;
      void this.settle(batch).finally(() => {
        this.busy -= 1;
        this.leave();
      });
    }
  }

  private async settle(batch: readonly Waiting[]): Promise<void> {
    try {
      const posted = await this.post(batch.map((item) => item.posting));
      for (const [index, item] of batch.entries()) {
        const answer = posted[index];
        this.inFlight.delete(item.name);
        if (answer) item.answered(answer);
        else item.failed(new Error('a posting was decided without an answer'));
      }
    } catch (cause) {
      // The ledger is away for all of them alike. Anything else is the fault of one, which must not sink the others: it is found by halves.
      if (cause instanceof Problem || batch.length === 1) {
        for (const item of batch) {
          this.inFlight.delete(item.name);
          item.failed(cause);
        }
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.settle(batch.slice(0, half));
      await this.settle(batch.slice(half));
    }
  }
}

function busy(): Problem {
  return unavailable('ledger_busy', 'The ledger has more work than it can take; ask again');
}
