import { log } from '@holdfast/kit/logging';
import { counter, histogram } from '@holdfast/kit/metrics';
import { isRefusal, Problem, refuse, type Refusal } from '@holdfast/kit/problem';
import type { Shard } from '../shards/shard.ts';
import { postBatch } from './posting.store.ts';
import { PostingQueue } from './posting-queue.ts';
import type { Posted, Posting } from './posting.ts';
import type { LedgerRefusal } from './refusals.ts';

const transfers = counter('transfers_total', 'Operations of the ledger by outcome: posted, replayed, or the code of the refusal', ['outcome']);
const batchSize = histogram('posting_batch_transfers', 'Operations in one batch', ['shard'], [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);

/** Some requests in bulk, and a second of single ones: what is beyond waits at the client. */
const WAITING_MAX = 5_000;

export type AcceptedPosting = Posted & { readonly outcome: 'posted' };

/** Sends a posting to its shard in whatever batch leaves next, and tells the relay of the shard that there are events. */
export class Poster {
  private readonly queues: ReadonlyMap<Shard, PostingQueue>;
  private readonly onPosted: (shard: Shard) => void;

  constructor(shards: readonly Shard[], options: { lanes: number; batchMax: number; onPosted(shard: Shard): void }) {
    this.onPosted = options.onPosted;
    this.queues = new Map(shards.map((shard) => [shard, new PostingQueue((postings) => {
      batchSize.observe({ shard: shard.number }, postings.length);
      return postBatch(shard, postings);
    }, { lanes: options.lanes, batchMax: options.batchMax, waitingMax: WAITING_MAX })]));
  }

  /** One operation: accepted, now or before, or refused. Throws a Problem if the ledger is away or has too much to do. */
  async post(shard: Shard, posting: Posting): Promise<AcceptedPosting | Refusal<LedgerRefusal>> {
    try {
      const posted = await this.queueOf(shard).add(posting);
      transfers.inc({ outcome: posted.replayed ? 'replayed' : posted.outcome });
      const { outcome } = posted;
      if (outcome !== 'posted') return refuse(outcome);
      if (!posted.replayed) this.onPosted(shard);
      return { ...posted, outcome };
    } catch (cause) {
      transfers.inc({ outcome: cause instanceof Problem ? cause.code : 'error' });
      throw cause;
    }
  }

  /** Many at once, each with a fate of its own: its answer, or the problem for which it has none. */
  async postMany(shard: Shard, postings: readonly Posting[]): Promise<(Posted | Problem)[]> {
    const counts = new Map<string, number>();
    const answers = (await this.queueOf(shard).addMany(postings)).map((answer): Posted | Problem => {
      const told = 'posted' in answer ? answer.posted : problemOf(answer.cause);
      const outcome = told instanceof Problem ? told.code : told.replayed ? 'replayed' : told.outcome;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      return told;
    });
    for (const [outcome, count] of counts) transfers.inc({ outcome }, count);
    if (counts.has('posted')) this.onPosted(shard);
    return answers;
  }

  private queueOf(shard: Shard): PostingQueue {
    const queue = this.queues.get(shard);
    if (!queue) throw new Error(`shard ${shard.number} has no queue`);
    return queue;
  }
}

/** What nobody foresaw of one item says nothing of its cause, except in the log. */
function problemOf(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  log.error('a posting failed unexpectedly', {}, cause);
  return new Problem({ status: 500, code: 'internal', title: 'Something went wrong on our side', cause });
}

/** A transfer as it is shown, and whether it is the answer of an earlier request. */
export interface Answered<T> {
  readonly body: T;
  readonly replayed: boolean;
}

export function answered<T>(outcome: AcceptedPosting | Refusal<LedgerRefusal>, show: (posted: AcceptedPosting) => T): Answered<T> | Refusal<LedgerRefusal> {
  return isRefusal(outcome) ? outcome : { body: show(outcome), replayed: outcome.replayed };
}
