import type { CallerOf } from '@holdfast/kit/authentication';
import { parse } from '@holdfast/kit/parsed';
import { isRefusal, Problem, problemOf, refuse, type Refusal } from '@holdfast/kit/problem';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import { departureOf, type Transit } from '../transit/transit.ts';
import type { Poster } from './poster.ts';
import type { Posted } from './posting.ts';
import { prepareTransfer, type Prepared } from './prepare-transfer.ts';
import { refusals, type LedgerRefusal } from './refusals.ts';
import type { RouteLegs } from './route-legs.ts';
import { BATCH_MAX, BatchItem, type BatchAnswer, type PostBatchRequest } from './transfer.schema.ts';

/** How long the items of a bucket that is moving are tried again. */
const MOVING_MAX_MS = 3_000;

type Outcome = BatchAnswer['items'][number];
interface Waiting { readonly index: number; readonly prepared: Prepared }

/**
 * Up to a thousand transfers in one request, each as if it had come alone: with its own key, its own outcome, and no say in the others'.
 * All of a shard are handed over at once, so that they share its commits.
 */
export class PostBatch {
  private readonly ledger: Ledger;
  private readonly routes: RouteLegs;
  private readonly poster: Poster;
  private readonly transit: Transit;

  constructor(ledger: Ledger, routes: RouteLegs, poster: Poster, transit: Transit) {
    this.ledger = ledger;
    this.routes = routes;
    this.poster = poster;
    this.transit = transit;
  }

  async post(caller: CallerOf, { items }: PostBatchRequest): Promise<BatchAnswer | Refusal<LedgerRefusal>> {
    if (items.length === 0) return refuse('batch_empty');
    if (items.length > BATCH_MAX) return refuse('batch_too_large');
    let outcomes = await this.postAll(caller, items);
    // Accounts that are moving to another shard are there in a moment; what was refused so is kept under no key.
    for (const deadline = Date.now() + MOVING_MAX_MS; Date.now() < deadline && outcomes.some(hasMoved);) {
      await this.ledger.untilItMayBeThere();
      const again = outcomes.flatMap((outcome, index) => (hasMoved(outcome) ? index : []));
      const answers = await this.postAll(caller, again.map((index) => items[index]));
      outcomes = outcomes.map((outcome, index) => answers[again.indexOf(index)] ?? outcome);
    }
    return { items: outcomes };
  }

  private async postAll(caller: CallerOf, items: readonly unknown[]): Promise<Outcome[]> {
    const prepared = await Promise.all(items.map((item) => this.prepare(caller, item)));
    const outcomes = new Array<Outcome>(items.length);
    const ofShard = new Map<Shard, Waiting[]>();
    for (const [index, one] of prepared.entries()) {
      if (one instanceof Problem) outcomes[index] = failed(one);
      else waitingFor(ofShard, one.shard).push({ index, prepared: one });
    }
    await Promise.all([...ofShard].map(async ([shard, waiting]) => {
      const posted = await this.poster.postMany(shard, waiting.map((one) => one.prepared.posting));
      await Promise.all(waiting.map(async ({ index, prepared: one }, place) => { outcomes[index] = await this.outcomeOf(one, posted[place]); }));
    }));
    return outcomes;
  }

  private async outcomeOf({ shard, posting, show }: Prepared, posted: Posted | Problem | undefined): Promise<Outcome> {
    if (!posted) throw new Error('an item of a batch was left without an answer');
    if (posted instanceof Problem) return failed(posted);
    if (posted.outcome !== 'posted') return refused(posted.outcome, posted.replayed);
    const became = await this.transit.outcomeOf(shard, { ...posted, outcome: posted.outcome }, departureOf(posting));
    if (isRefusal(became)) return refused(became.refused, posted.replayed);
    return { status: became === 'pending' ? 202 : 201, code: null, replayed: posted.replayed, transfer: show(posted, became) };
  }

  /** The problem of an item that cannot even be asked for. */
  private async prepare(caller: CallerOf, item: unknown): Promise<Prepared | Problem> {
    try {
      const { idempotency_key: givenKey, ...request } = parse(BatchItem, item);
      const key = idempotencyKeyOf(givenKey);
      return isRefusal(key) ? problemOf(refusals, key) : await prepareTransfer(this.ledger, this.routes, caller, key, request);
    } catch (cause) {
      // Of one item only if it is the fault of the item; a ledger that is away fails the request.
      if (cause instanceof Problem && cause.status < 500) return cause;
      throw cause;
    }
  }
}

function waitingFor(ofShard: Map<Shard, Waiting[]>, shard: Shard): Waiting[] {
  const waiting = ofShard.get(shard) ?? [];
  ofShard.set(shard, waiting);
  return waiting;
}

function hasMoved({ code }: Outcome): boolean {
  return code === 'bucket_moved';
}

function refused(code: LedgerRefusal, replayed: boolean): Outcome {
  return { status: refusals[code].status, code, replayed, transfer: null };
}

function failed(problem: Problem): Outcome {
  return { status: problem.status, code: problem.code, ...(problem.detail !== undefined && { detail: problem.detail }), replayed: false, transfer: null };
}
