import type { CallerOf } from '@holdfast/kit/authentication';
import { isRefusal, refuse, unavailable, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOf, newTransferId, parseTransferId } from '../accounts/account-id.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import type { Transit } from '../transit/transit.ts';
import { hashOfRequest } from './idempotency.ts';
import type { Answered } from './poster.ts';
import type { Leg, TransferPosting } from './posting.ts';
import { shownTransfer } from './prepare-transfer.ts';
import type { LedgerRefusal } from './refusals.ts';
import { isDebit, mayKnow, type ShowTransfer } from './show-transfer.ts';
import { isOperator, standingBeside } from './standing.ts';
import type { ReverseRequest, Transfer } from './transfer.schema.ts';
import type { LegRow, TransferRow } from './transfers.store.ts';

/** Where a transfer is taken back, and with which bucket the key of that, and what it makes, belong there. */
interface Place {
  readonly shard: Shard;
  readonly bucket: number;
}

/**
 * Takes a transfer back, whole, by its opposite: an operator any, and who was credited what he got, as a refund. It begins where the money is, and only if that is
 * also where the transfer (or its half there) is written down: so all that would take it back meet on one shard, which lets one of them. Those who paid may live
 * elsewhere by now: then it goes to them as any other transfer would.
 */
export class ReverseTransfer {
  private readonly ledger: Ledger;
  private readonly transfers: ShowTransfer;
  private readonly systemAccounts: SystemAccounts;
  private readonly transit: Transit;

  constructor(ledger: Ledger, transfers: ShowTransfer, systemAccounts: SystemAccounts, transit: Transit) {
    this.ledger = ledger;
    this.transfers = transfers;
    this.systemAccounts = systemAccounts;
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

    const place = this.placeOf(row);
    const { shard } = place;
    const posting = await this.postingOf(caller, key, row, place, request);
    const posted = await this.transit.post(shard, posting);
    if (isRefusal(posted)) return posted;
    return {
      replayed: posted.replayed,
      body: shownTransfer({
        id: posted.subjectId, kind: 'reversal', status: posted.status, legs: oppositeOf(row), currency: currencyOf(row),
        reference: posting.reference ?? null, externalReference: posting.externalReference ?? null, metadata: request.metadata ?? row.metadata,
        reverses: row.id, postedAt: posted.postedAt,
      }),
    };
  }

  private async postingOf(caller: CallerOf, key: string, row: TransferRow, place: Place, request: ReverseRequest): Promise<TransferPosting> {
    const { scope, owner } = standingBeside(this.ledger, caller, row.id, 'reverse');
    const { bucket, shard } = place;
    const legs = oppositeOf(row);
    const payers = this.payersOf(row);
    const refusal = this.refusalAhead(row, shard, payers);
    // A half that arrived has no entries of those who paid, wherever they are.
    const goesOn = refusal === undefined && payers !== undefined && (row.outgoing !== null || payers !== shard);
    const across = goesOn ? await this.across(legs, currencyOf(row), shard, bucket) : undefined;
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

  /** With the first person who was credited, wherever he is by now: the key goes along when he moves. What was credited to the platform stays where it is. */
  private placeOf(row: TransferRow): Place {
    const [payee] = credited(row).filter(({ kind }) => kind !== 'system');
    if (payee) return { shard: this.ledger.shardOf(payee.account), bucket: bucketOf(payee.account) };
    if (!row.postedOn) throw unavailable('ledger_unavailable', 'The shard on which the money is does not answer at the moment', { retryAfter_s: 2 });
    return { shard: row.postedOn, bucket: this.ledger.bucketOn(row.postedOn, bucketOf(row.id)) };
  }

  /** The one shard on which all who paid are; undefined if there is no such. The platform's own accounts are where the transfer began. */
  private payersOf(row: TransferRow): Shard | undefined {
    const shards = new Set(row.legs.filter(isDebit).map((leg) => (leg.kind === 'system' ? row.sentFrom : this.ledger.shardOf(leg.account))));
    return shards.size === 1 ? [...shards][0] : undefined;
  }

  /** What arrived from another shard goes back there the same way: it begins where the credits were, and is there taken back once. */
  private async across(legs: readonly Leg[], currency: string | null, shard: Shard, bucket: number): Promise<{ legs: Leg[]; outgoing: Leg[] }> {
    if (currency === null) throw new Error('what goes to another shard is in one currency');
    const outgoing = legs.filter(({ amountMinor }) => amountMinor > 0n);
    const sumMinor = outgoing.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
    const inTransit = await this.systemAccounts.of(shard, 'in-transit', currency, bucket);
    return { legs: [...legs.filter(({ amountMinor }) => amountMinor < 0n), { account: inTransit, amountMinor: sumMinor }], outgoing };
  }

  private refusalAhead(row: TransferRow, shard: Shard, payers: Shard | undefined): LedgerRefusal | undefined {
    if (row.kind === 'reversal') return 'reversal_of_reversal';
    if (row.state === 'returned' || row.kind === 'transit_in' || row.kind === 'transit_return' || row.kind === 'move') return 'transfer_not_reversible';
    if (!row.postedOn) throw unavailable('ledger_unavailable', 'The shard on which the money arrived does not answer at the moment', { retryAfter_s: 2 });
    // Whether it has been taken back is known where it is written down: those whom it credited must be there still, all of them.
    const areThere = row.postedOn === shard && credited(row).every((leg) => leg.kind === 'system' || this.ledger.shardOf(leg.account) === shard);
    if (!areThere || payers === undefined) return 'transfer_not_reversible';
    // What goes to another shard is in one currency, and no account of the platform but that of fees takes it there.
    const staysHere = row.outgoing === null && payers === shard;
    return staysHere || (currencyOf(row) !== null && row.legs.filter(isDebit).every(({ kind }) => kind !== 'system')) ? undefined : 'transfer_not_reversible';
  }
}

function credited(row: TransferRow): LegRow[] {
  return row.legs.filter((leg) => !isDebit(leg));
}

function oppositeOf({ legs }: TransferRow): Leg[] {
  return legs.map(({ account, amount }) => ({ account, amountMinor: -BigInt(amount) }));
}

function currencyOf({ legs }: TransferRow): string | null {
  const currencies = new Set(legs.map(({ currency }) => currency));
  return currencies.size === 1 ? [...currencies][0] ?? null : null;
}
