import { log } from '@holdfast/kit/logging';
import { counter } from '@holdfast/kit/metrics';
import { isRefusal, Problem, problemOf, refuse, unavailable, type Refusal } from '@holdfast/kit/problem';
import { bucketOf, newTransferId, type TransferId } from '../accounts/account-id.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { hashOfRequest } from '../transfers/idempotency.ts';
import type { AcceptedPosting, Poster } from '../transfers/poster.ts';
import type { Leg, Posting, TransferPosting } from '../transfers/posting.ts';
import { refusalCode, refusals, type LedgerRefusal } from '../transfers/refusals.ts';
import { arrivalIdOf } from './arrival-id.ts';
import { OutgoingLooks } from './outgoing-looks.ts';
import { readEntriesOf, type OutgoingRow } from './outgoing.store.ts';
import { Settling } from './settling.ts';

/** Keys of what the machine posts, on any shard. No person's scope is a word without a dash. */
const SCOPE = 'in-transit';
const ACTOR = 'transactions';

const outcomes = counter('transit_outcomes_total', 'Transfers to another shard that came to their end: settled or returned', ['outcome']);

/** How long a client waits for the other shard before he is told that his transfer is pending. */
export const WAIT_MS = 3_000;

/** What has left its shard for another: credits there, of the same currency. */
export interface Departure {
  readonly legs: readonly Leg[];
  readonly currency: string;
  readonly reference?: string | undefined;
  readonly externalReference?: string | undefined;
  readonly metadata?: string | undefined;
  readonly actor: string;
  readonly traceparent: string | undefined;
}

/** What leaves the shard of a posting, if anything does. */
export function departureOf({ outgoing, currency, reference, externalReference, metadata, actor, traceparent }: TransferPosting): Departure | undefined {
  if (!outgoing) return undefined;
  if (currency === undefined) throw new Error('what goes to another shard is in one currency, which must be named');
  return { legs: outgoing, currency, reference, externalReference, metadata, actor, traceparent };
}

/** A posting that was accepted, and how far it has come. */
export type Carried = AcceptedPosting & { readonly status: 'posted' | 'pending' };

/** `pending`: the money has left the payer and is on its way; the resumer brings it to its end. */
export type Became = 'posted' | 'pending' | Refusal<LedgerRefusal>;

/**
 * Brings money from the account in transit of one shard to the accounts of another, in three commits, each under a key of its own:
 *
 *   1. source       payer -> in transit, and a row `sent` in outgoing_transfers
 *   2. destination  in transit -> payee, under the transfer's own id
 *   3. source       the row becomes `settled`
 *
 * The client is told `posted` after 2.: then his money has left, and has arrived, on two nodes each, and nothing can take that back. 3. is a note for us, that there
 * is nothing left to do; until it is written, who asks for the transfer is told what the destination has (show-transfer.ts).
 *
 * If the destination refuses, 3. is instead in transit -> payer, and the row becomes `returned`. Whatever dies between two of them, `resume`
 * finds the row and goes on: what was done before is answered from its key, so doing it again, even twice at once, changes nothing.
 * The decision is the destination's, taken once: money is brought back for nothing but a refusal that is kept there under the key.
 */
export class Transit {
  private readonly ledger: Ledger;
  private readonly poster: Poster;
  private readonly systemAccounts: SystemAccounts;
  private readonly onSettled: (shard: Shard) => void;
  private readonly settling: ReadonlyMap<Shard, Settling>;
  private readonly looks: ReadonlyMap<Shard, OutgoingLooks>;
  private readonly underWay = new Map<TransferId, Promise<'posted' | Refusal<LedgerRefusal>>>();
  private readonly marks = new Set<Promise<void>>();

  constructor(ledger: Ledger, poster: Poster, systemAccounts: SystemAccounts, onSettled: (shard: Shard) => void = () => undefined) {
    this.onSettled = onSettled;
    this.ledger = ledger;
    this.poster = poster;
    this.systemAccounts = systemAccounts;
    this.looks = new Map(ledger.shards.map((shard) => [shard, new OutgoingLooks(shard)]));
    this.settling = new Map(ledger.shards.map((shard) => [shard, new Settling(shard)]));
  }

  /**
   * Posts what may have to go on to another shard, and tells what became of it: `outcomeOf`. What leaves is in a transfer's own posting; of a capture it is said here.
   */
  async post<P extends Posting>(source: Shard, posting: P, departure: Departure | undefined = posting.operation === 'transfer' ? departureOf(posting) : undefined): Promise<Carried | Refusal<LedgerRefusal>> {
    const posted = await this.poster.post(source, posting);
    if (isRefusal(posted)) return posted;
    const became = await this.outcomeOf(source, posted, departure);
    return isRefusal(became) ? became : { ...posted, status: became };
  }

  /**
   * What has become of a posting that `source` accepted: at once if it stayed there, otherwise when its other half is decided, but after
   * WAIT_MS at the latest. The answer to a repeated request is what is so now, not what was so then.
   */
  async outcomeOf(source: Shard, posted: AcceptedPosting, departure: Departure | undefined): Promise<Became> {
    const id = posted.subjectId as TransferId;
    if (!posted.replayed) return departure ? this.inTime(this.carry(source, id, departure)) : 'posted';
    // Its bucket may have moved since, and the key with it.
    for (const shard of this.ledger.historyOf(id)) {
      const row = await this.looks.get(shard)?.find(id);
      if (row?.state === 'returned') return refuse(refusalCode(row.refusal ?? ''));
      if (row?.state === 'sent') return this.inTime(this.resume(shard, row));
      if (row) return 'posted';
    }
    return 'posted';
  }

  /** Goes on with a transfer whose row says `sent`, from wherever it stopped. Rejects if a shard is away: then it is tried again later. */
  resume(source: Shard, row: OutgoingRow): Promise<'posted' | Refusal<LedgerRefusal>> {
    const { legs, currency } = row;
    return this.carry(source, row.transferId, {
      legs, currency, reference: row.reference ?? undefined, externalReference: row.externalReference ?? undefined, metadata: row.metadata ?? undefined,
      actor: ACTOR, traceparent: undefined,
    });
  }

  /** The shard that is to credit, as far as the first leg says. */
  destinationOf(legs: readonly Leg[]): Shard {
    return this.ledger.shardOfBucket(this.bucketToCredit(legs));
  }

  private bucketToCredit([first]: readonly Leg[]): number {
    if (!first) throw new Error('nothing is on its way to another shard');
    return bucketOf(first.account);
  }

  /** One at a time for each transfer: a client who repeats his request waits for what is under way. */
  private carry(source: Shard, id: TransferId, departure: Departure): Promise<'posted' | Refusal<LedgerRefusal>> {
    const underWay = this.underWay.get(id);
    if (underWay) return underWay;
    const carried = this.toItsEnd(source, id, departure).finally(() => this.underWay.delete(id));
    this.underWay.set(id, carried);
    return carried;
  }

  private async toItsEnd(source: Shard, id: TransferId, departure: Departure): Promise<'posted' | Refusal<LedgerRefusal>> {
    const arrived = await this.ledger.whereverItIs(() => this.arrive(source, id, departure));
    if (isRefusal(arrived)) {
      await this.ledger.whereverItIs(() => this.bringBack(source, id, arrived.refused, departure));
      outcomes.inc({ outcome: 'returned' });
      return arrived;
    }
    const mark = this.mark(source, id, departure.traceparent).finally(() => this.marks.delete(mark));
    this.marks.add(mark);
    return 'posted';
  }

  /** Not waited for. If it fails, the resumer finds the row as it was, and does this again. */
  private async mark(source: Shard, id: TransferId, traceparent: string | undefined): Promise<void> {
    try {
      await this.settling.get(source)?.add({ id, traceparent });
      this.onSettled(source);
      outcomes.inc({ outcome: 'settled' });
    } catch (cause) {
      log.debug('a transfer that has arrived was not marked; the resumer does it', { 'holdfast.transfer': id, 'error.message': String(cause) });
    }
  }

  /** When all that has arrived is marked, as far as it can be: at the end of the process, and for tests. */
  async allMarked(): Promise<void> {
    while (this.marks.size > 0) await Promise.all(this.marks);
  }

  private async arrive(source: Shard, id: TransferId, departure: Departure): Promise<AcceptedPosting | Refusal<LedgerRefusal>> {
    const { legs, currency } = departure;
    const bucket = this.bucketToCredit(legs);
    const destination = this.ledger.shardOfBucket(bucket);
    const inTransit = await this.systemAccounts.of(destination, 'in-transit', currency, bucket);
    const sumMinor = legs.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
    const arrived = await this.poster.post(destination, {
      operation: 'transfer', kind: 'transit_in',
      transferId: destination === source ? arrivalIdOf(id) : id,
      scope: SCOPE, key: id, bucket,
      // Not of the texts: a resumer has them from the database, where white space in them is not kept.
      requestHash: hashOfRequest('transit_in', [currency, ...legs.flatMap(({ account, amountMinor }) => [account, amountMinor.toString()])]),
      legs: [{ account: inTransit, amountMinor: -sumMinor }, ...legs],
      currency, owner: undefined, actor: departure.actor, traceparent: departure.traceparent,
      reference: departure.reference, externalReference: departure.externalReference, metadata: departure.metadata,
    });
    if (isRefusal(arrived)) assertDecided(arrived.refused, id);
    return arrived;
  }

  /** What the first half did, with the other sign: so whoever paid has his money again. Nothing that he has done since can refuse it. */
  private async bringBack(source: Shard, id: TransferId, refusal: LedgerRefusal, departure: Departure): Promise<void> {
    const entries = await readEntriesOf(source, id);
    const returned = await this.poster.post(source, {
      operation: 'transfer', kind: 'transit_return', transferId: newTransferId(bucketOf(id)),
      scope: SCOPE, key: `return ${id}`, bucket: bucketOf(id), requestHash: hashOfRequest('transit_return', [id]),
      legs: entries.map(({ account, amountMinor }) => ({ account, amountMinor: -amountMinor })),
      reverses: id, returnedFor: refusal, owner: undefined, actor: departure.actor, traceparent: departure.traceparent,
      reference: departure.reference, externalReference: departure.externalReference, metadata: departure.metadata,
    });
    if (isRefusal(returned)) {
      assertDecided(returned.refused, id);
      throw new Error(`transfer ${id} was refused by its destination (${refusal}), and cannot be brought back: ${returned.refused}`);
    }
  }

  private async inTime(carried: Promise<'posted' | Refusal<LedgerRefusal>>): Promise<Became> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'pending'>((resolve) => { timer = setTimeout(resolve, WAIT_MS, 'pending'); });
    // The money has left the payer: whatever went wrong, the transfer is no failure but on its way.
    const told = carried.catch((cause: unknown): 'pending' => {
      if (!(cause instanceof Problem)) log.error('a transfer to another shard stopped on its way; the resumer goes on with it', {}, cause);
      return 'pending';
    });
    try {
      return await Promise.race([told, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Some refusals are no decision on the transfer: to bring money back for one of them would let it arrive twice. */
function assertDecided(refusal: LedgerRefusal, id: TransferId): void {
  if (refusal === 'bucket_moved') throw problemOf(refusals, refuse(refusal));
  if (refusal === 'idempotency_in_flight') throw unavailable('ledger_busy', 'The transfer is under way elsewhere');
  if (refusal === 'idempotency_key_reused') throw new Error(`the key of transfer ${id} in transit was used for another posting`);
}
