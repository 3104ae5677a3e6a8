import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOf, newTransferId, parseTransferId, type TransferId } from '../accounts/account-id.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import { hashOfRequest } from './idempotency.ts';
import { answered, type Answered, type Poster } from './poster.ts';
import type { Leg, TransferPosting } from './posting.ts';
import { shownTransfer } from './prepare-transfer.ts';
import type { LedgerRefusal } from './refusals.ts';
import { isDebit, type ShowTransfer } from './show-transfer.ts';
import { isOperator, standingBeside } from './standing.ts';
import type { ReverseRequest, Transfer } from './transfer.schema.ts';
import type { TransferRow } from './transfers.store.ts';

/** Takes a transfer back, whole, by its opposite: an operator any, and who was credited what he got, as a refund. */
export class ReverseTransfer {
  private readonly ledger: Ledger;
  private readonly transfers: ShowTransfer;
  private readonly poster: Poster;

  constructor(ledger: Ledger, transfers: ShowTransfer, poster: Poster) {
    this.ledger = ledger;
    this.transfers = transfers;
    this.poster = poster;
  }

  async reverse(caller: CallerOf, key: string, id: string, request: ReverseRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const transferId = parseTransferId(id);
    const row = transferId && await this.transfers.find(transferId);
    if (!row || !(isOperator(caller) || row.legs.some(({ owner }) => owner === caller.subject))) return refuse('transfer_unknown');
    const mayReverse = isOperator(caller) || row.legs.every((leg) => leg.kind !== 'system' && (isDebit(leg) || leg.owner === caller.subject));
    if (!mayReverse) return refuse('transfer_not_reversible', 'Only who was credited may give a transfer back, or an operator');

    const posting = this.postingOf(caller, key, row, request);
    return answered(await this.poster.post(this.ledger.shardOf(row.id), posting), (posted) => shownTransfer({
      id: posted.subjectId, kind: 'reversal', status: 'posted', legs: posting.legs, currency: currencyOf(row),
      reference: posting.reference ?? null, externalReference: posting.externalReference ?? null, metadata: request.metadata ?? row.metadata,
      reverses: row.id, postedAt: posted.postedAt,
    }));
  }

  private postingOf(caller: CallerOf, key: string, row: TransferRow, request: ReverseRequest): TransferPosting {
    const { bucket, scope, owner } = standingBeside(this.ledger, caller, row.id, 'reverse');
    const legs: Leg[] = row.legs.map(({ account, amount }) => ({ account, amountMinor: -BigInt(amount) }));
    return {
      operation: 'transfer', kind: 'reversal', transferId: newTransferId(bucketOf(row.id)), reverses: row.id, scope, key, bucket, owner,
      requestHash: hashOfRequest('reverse', [row.id, request.reference ?? null, request.external_reference ?? null, metadataText(request.metadata) ?? null]),
      refusal: this.refusalAhead(row),
      legs,
      // Who does not say otherwise takes back under the same names.
      reference: request.reference ?? row.reference ?? undefined,
      externalReference: request.external_reference ?? row.external_reference ?? undefined,
      metadata: metadataText(request.metadata ?? row.metadata ?? undefined),
      actor: caller.subject,
      traceparent: currentTraceparent(),
    };
  }

  private refusalAhead(row: TransferRow): LedgerRefusal | undefined {
    if (row.kind === 'reversal') return 'reversal_of_reversal';
    // Half of it is on another shard, or some of its accounts are by now: its opposite is not one posting.
    const isAcross = row.outgoing !== null || row.kind === 'transit_in' || row.kind === 'transit_return'
      || row.legs.some((leg) => leg.kind !== 'system' && this.isElsewhere(leg.account, row.id));
    return isAcross ? 'transfer_not_reversible' : undefined;
  }

  private isElsewhere(account: Leg['account'], id: TransferId): boolean {
    return this.ledger.shardOf(account) !== this.ledger.shardOf(id);
  }
}

function currencyOf({ legs }: TransferRow): string | null {
  const currencies = new Set(legs.map(({ currency }) => currency));
  return currencies.size === 1 ? [...currencies][0] ?? null : null;
}
