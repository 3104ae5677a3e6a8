import type { CallerOf } from '@holdfast/kit/authentication';
import { currentTraceparent } from '@holdfast/kit/trace';
import { newTransferId, parseAccountId, type TransferId } from '../accounts/account-id.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { hashOfRequest } from './idempotency.ts';
import type { Leg, TransferPosting } from './posting.ts';
import type { LedgerRefusal } from './refusals.ts';
import type { Routed, RouteLegs, WantedLeg } from './route-legs.ts';
import { standingOf, type Standing } from './standing.ts';
import { FEES, type PostTransferRequest, type Transfer } from './transfer.schema.ts';

/** A request on its way to the ledger, and how its answer is shown once the ledger has posted it. */
export interface Prepared {
  readonly shard: Shard;
  readonly posting: TransferPosting;
  show(posted: { readonly subjectId: string; readonly postedAt: string }, status: 'posted' | 'pending'): Transfer;
}

/** What a client asked for, in either form of the request. A promise only where an account of the platform must be found first. */
export function prepareTransfer(ledger: Ledger, routes: RouteLegs, caller: CallerOf, key: string, request: PostTransferRequest): Prepared | Promise<Prepared> {
  const wanted = legsOf(request);
  const standing = standingOf(ledger, caller, anchorOf(wanted));
  const { home, bucket, owner } = standing;
  const routed = routes.of(wanted, { home, bucket, currency: request.currency, owner });
  const amountIsZero = 'amount' in request && request.amount === 0n;
  const make = (found: Routed | LedgerRefusal): Prepared => prepared(standing, caller, key, request, amountIsZero ? 'amount_not_positive' : found);
  return routed instanceof Promise ? routed.then(make) : make(routed);
}

function legsOf(request: PostTransferRequest): WantedLeg[] {
  if ('legs' in request) return request.legs.map(({ account, side, amount }) => ({ account, amountMinor: side === 'debit' ? -amount : amount }));
  return [{ account: request.debit_account, amountMinor: -request.amount }, { account: request.credit_account, amountMinor: request.amount }];
}

/** The account that says where a transfer of an operator is posted: the first that is debited, or the first at all. */
function anchorOf(wanted: readonly WantedLeg[]): ReturnType<typeof parseAccountId> {
  const named = wanted.filter(({ account }) => account !== FEES);
  const first = named.find(({ amountMinor }) => amountMinor < 0n) ?? named[0];
  return first && parseAccountId(first.account);
}

function prepared(standing: Standing, caller: CallerOf, key: string, request: PostTransferRequest, found: Routed | LedgerRefusal): Prepared {
  const { home, bucket, scope, owner } = standing;
  const routed = typeof found === 'string' ? undefined : found;
  const { currency, reference, external_reference: externalReference } = request;
  const metadata = metadataText(request.metadata);
  const transferId = newTransferId(bucket);
  return {
    shard: home,
    posting: {
      operation: 'transfer', kind: 'transfer', transferId, scope, key, bucket, owner,
      requestHash: hashOfRequest('transfer', [...asked(request), currency ?? null, reference ?? null, externalReference ?? null, metadata ?? null]),
      refusal: typeof found === 'string' ? found : undefined,
      legs: routed?.legs ?? [],
      outgoing: routed?.outgoing,
      currency, reference, externalReference, metadata,
      actor: caller.subject,
      traceparent: currentTraceparent(),
    },
    show: (posted, status) => shownTransfer({
      id: posted.subjectId as TransferId, kind: 'transfer', status, legs: routed?.wanted ?? [], currency: currency ?? null,
      reference: reference ?? null, externalReference: externalReference ?? null, metadata: request.metadata ?? null, postedAt: posted.postedAt,
    }),
  };
}

/** The accounts and amounts as they were asked for. */
function asked(request: PostTransferRequest): string[] {
  if ('legs' in request) return ['legs', ...request.legs.flatMap(({ account, side, amount }) => [account, side, amount.toString()])];
  return [request.debit_account, request.credit_account, request.amount.toString()];
}

export interface TransferFacts {
  readonly id: string;
  readonly kind: Transfer['kind'];
  readonly status: Transfer['status'];
  readonly legs: readonly Leg[];
  readonly currency: string | null;
  readonly reference: string | null;
  readonly externalReference: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly reverses?: string | null;
  readonly reversedBy?: string | null;
  readonly hold?: string | null;
  readonly postedAt: string;
}

/** A transfer as every answer shows it. */
export function shownTransfer(facts: TransferFacts): Transfer {
  const [one, other] = facts.legs;
  const isBetweenTwo = facts.legs.length === 2 && one !== undefined && other !== undefined && one.amountMinor === -other.amountMinor;
  const [debit, credit] = isBetweenTwo && one.amountMinor > 0n ? [other, one] : [one, other];
  return {
    id: facts.id,
    kind: facts.kind,
    status: facts.status,
    debit_account: isBetweenTwo && debit ? debit.account : null,
    credit_account: isBetweenTwo && credit ? credit.account : null,
    amount: isBetweenTwo && credit ? credit.amountMinor.toString() : null,
    currency: facts.currency as Transfer['currency'],
    legs: facts.legs.map(({ account, amountMinor }) => ({ account, side: amountMinor < 0n ? 'debit' : 'credit', amount: (amountMinor < 0n ? -amountMinor : amountMinor).toString() })),
    reference: facts.reference,
    external_reference: facts.externalReference,
    metadata: facts.metadata as Transfer['metadata'],
    reverses: facts.reverses ?? null,
    reversed_by: facts.reversedBy ?? null,
    hold: facts.hold ?? null,
    created_at: facts.postedAt,
  };
}
