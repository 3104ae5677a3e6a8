import { counter, histogram } from '@holdfast/kit/metrics';
import { isRefusal, Problem, refuse, type Refusal } from '@holdfast/kit/problem';
import type { Shard } from '../shards/shard.ts';
import { postBatch } from './posting.store.ts';
import { PostingQueue } from './posting-queue.ts';
import type { Posted, Posting } from './posting.ts';
import type { LedgerRefusal } from './refusals.ts';

const transfers = counter('transfers_total', 'Transfers and deposits by outcome: posted, replayed, or the code of the refusal', ['outcome']);
const batchSize = histogram('posting_batch_transfers', 'Transfers in one batch', ['shard'], [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);

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
    }, { lanes: options.lanes, batchMax: options.batchMax, waitingMax: 5_000 })]));
  }

  async post(shard: Shard, posting: Posting): Promise<AcceptedPosting | Refusal<LedgerRefusal>> {
    try {
      const queue = this.queues.get(shard);
      if (!queue) throw new Error(`shard ${shard.number} has no queue`);
      const posted = await queue.add(posting);
      const { outcome } = posted;
      transfers.inc({ outcome: posted.replayed ? 'replayed' : outcome });
      if (outcome !== 'posted') return refuse(outcome);
      if (!posted.replayed) this.onPosted(shard);
      return { ...posted, outcome };
    } catch (cause) {
      transfers.inc({ outcome: cause instanceof Problem ? cause.code : 'error' });
      throw cause;
    }
  }
}

/** A transfer as it is shown, and whether it is the answer of an earlier request. */
export interface Answered<T> {
  readonly body: T;
  readonly replayed: boolean;
}

export function answered<T>(outcome: AcceptedPosting | Refusal<LedgerRefusal>, show: (posted: AcceptedPosting) => T): Answered<T> | Refusal<LedgerRefusal> {
  return isRefusal(outcome) ? outcome : { body: show(outcome), replayed: outcome.replayed };
}
