import type { CallerOf } from '@holdfast/kit/authentication';
import { isRefusal, refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOf, newTransferId, parseTransferId } from '../accounts/account-id.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { departureOf, type Transit } from '../transit/transit.ts';
import { hashOfRequest } from './idempotency.ts';
import type { Answered, Poster } from './poster.ts';
import type { Leg, TransferPosting } from './posting.ts';
import { shownTransfer } from './prepare-transfer.ts';
import type { LedgerRefusal } from './refusals.ts';
import { isDebit, mayKnow, type ShowTransfer } from './show-transfer.ts';
import { isOperator, standingBeside } from './standing.ts';
import type { ReverseRequest, Transfer } from './transfer.schema.ts';
import type { LegRow, TransferRow } from './transfers.store.ts';

/** Takes a transfer back, whole, by its opposite: an operator any, and who was credited what he got, as a refund. */
export class ReverseTransfer {
  private readonly ledger: Ledger;
  private readonly transfers: ShowTransfer;
  private readonly systemAccounts: SystemAccounts;
  private readonly poster: Poster;
  private readonly transit: Transit;

  constructor(ledger: Ledger, transfers: ShowTransfer, systemAccounts: SystemAccounts, poster: Poster, transit: Transit) {
    this.ledger = ledger;
    this.transfers = transfers;
    this.systemAccounts = systemAccounts;
    this.poster = poster;
    this.transit = transit;
  }

  async reverse(caller: CallerOf, key: string, id: string, request: ReverseRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const transferId = parseTransferId(id);
    const row = transferId && await this.transfers.find(transferId);
    if (!row || !mayKnow(caller, row)) return refuse('transfer_unknown');
    const mayReverse = isOperator(caller) || row.legs.every((leg) => leg.kind !== 'system' && (isDebit(leg) || leg.owner === caller.subject));
    if (!mayReverse) return refuse('transfer_not_reversible', 'Only who was credited may give a transfer back, or an operator');

    // Kept under no key: a moment later it can be.
    if (row.state === 'sent') return refuse('transfer_pending');

    const shard = row.outgoing?.[0] ? this.ledger.shardOf(row.outgoing[0].account) : this.ledger.shardOf(row.id);
    const posting = await this.postingOf(caller, key, row, shard, request);
    const posted = await this.poster.post(shard, posting);
    if (isRefusal(posted)) return posted;
    const became = await this.transit.outcomeOf(shard, posted, departureOf(posting));
    if (isRefusal(became)) return became;
    return {
      replayed: posted.replayed,
      body: shownTransfer({
        id: posted.subjectId, kind: 'reversal', status: became, legs: oppositeOf(row), currency: currencyOf(row),
        reference: posting.reference ?? null, externalReference: posting.externalReference ?? null, metadata: request.metadata ?? row.metadata,
        reverses: row.id, postedAt: posted.postedAt,
      }),
    };
  }

  private async postingOf(caller: CallerOf, key: string, row: TransferRow, shard: Shard, request: ReverseRequest): Promise<TransferPosting> {
    const { scope, owner } = standingBeside(this.ledger, caller, row.id, 'reverse');
    const bucket = bucketOf(row.outgoing?.[0]?.account ?? row.id);
    const refusal = this.refusalAhead(row, shard);
    const legs = oppositeOf(row);
    const across = row.outgoing && refusal === undefined ? await this.across(legs, currencyOf(row), shard, bucket) : undefined;
    return {
      operation: 'transfer', kind: 'reversal', transferId: newTransferId(bucket), reverses: row.id, scope, key, bucket, owner,
      requestHash: hashOfRequest('reverse', [row.id, request.reference ?? null, request.external_reference ?? null, metadataText(request.metadata) ?? null]),
      refusal,
      legs: across?.legs ?? legs,
      outgoing: across?.outgoing,
      currency: currencyOf(row) ?? undefined,
      // Who does not say otherwise takes back under the same names.
      reference: request.reference ?? row.reference ?? undefined,
      externalReference: request.external_reference ?? row.external_reference ?? undefined,
      metadata: metadataText(request.metadata ?? row.metadata ?? undefined),
      actor: caller.subject,
      traceparent: currentTraceparent(),
    };
  }

  /** What arrived from another shard goes back there the same way: it begins where the credits were, and is there taken back once. */
  private async across(legs: readonly Leg[], currency: string | null, shard: Shard, bucket: number): Promise<{ legs: Leg[]; outgoing: Leg[] }> {
    if (currency === null) throw new Error('what goes to another shard is in one currency');
    const outgoing = legs.filter(({ amountMinor }) => amountMinor > 0n);
    const sumMinor = outgoing.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
    const inTransit = await this.systemAccounts.of(shard, 'in-transit', currency, bucket);
    return { legs: [...legs.filter(({ amountMinor }) => amountMinor < 0n), { account: inTransit, amountMinor: sumMinor }], outgoing };
  }

  private refusalAhead(row: TransferRow, shard: Shard): LedgerRefusal | undefined {
    if (row.kind === 'reversal') return 'reversal_of_reversal';
    if (row.state === 'returned' || row.kind === 'transit_in' || row.kind === 'transit_return' || row.kind === 'move') return 'transfer_not_reversible';
    // Whether it has been taken back is known where it is written down, and that is no longer where it would be taken back.
    if (row.isFormer) return 'transfer_not_reversible';
    // Some of its accounts may be elsewhere by now: then its opposite is not what was posted here, with the other sign.
    const [debits, credits] = [row.legs.filter(isDebit), row.legs.filter((leg) => !isDebit(leg))];
    const payers = row.outgoing ? this.ledger.shardOf(row.id) : shard;
    const isAsItWas = credits.every((leg) => this.isOn(shard, leg)) && debits.every((leg) => this.isOn(payers, leg)) && (!row.outgoing || payers !== shard);
    return isAsItWas ? undefined : 'transfer_not_reversible';
  }

  private isOn(shard: Shard, leg: LegRow): boolean {
    return leg.kind === 'system' || this.ledger.shardOf(leg.account) === shard;
  }
}

function oppositeOf({ legs }: TransferRow): Leg[] {
  return legs.map(({ account, amount }) => ({ account, amountMinor: -BigInt(amount) }));
}

function currencyOf({ legs }: TransferRow): string | null {
  const currencies = new Set(legs.map(({ currency }) => currency));
  return currencies.size === 1 ? [...currencies][0] ?? null : null;
}
