import type { CallerOf } from '@holdfast/kit/authentication';
import { isRefusal, refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOf, newTransferId } from '../accounts/account-id.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import { hashOfRequest } from '../transfers/idempotency.ts';
import type { Answered } from '../transfers/poster.ts';
import { shownTransfer } from '../transfers/prepare-transfer.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import { standingBeside } from '../transfers/standing.ts';
import type { Transfer } from '../transfers/transfer.schema.ts';
import type { Transit } from '../transit/transit.ts';
import type { CaptureRequest } from './hold.schema.ts';
import type { Holds } from './holds.ts';

/** The payee takes what was promised, all or some of it, once; the rest goes back to the payer. An operator may do it for him. */
export class CaptureHold {
  private readonly ledger: Ledger;
  private readonly holds: Holds;
  private readonly systemAccounts: SystemAccounts;
  private readonly transit: Transit;

  constructor(ledger: Ledger, holds: Holds, systemAccounts: SystemAccounts, transit: Transit) {
    this.ledger = ledger;
    this.holds = holds;
    this.systemAccounts = systemAccounts;
    this.transit = transit;
  }

  async capture(caller: CallerOf, key: string, id: string, request: CaptureRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const hold = await this.holds.find(caller, id);
    if (!hold) return refuse('hold_unknown');
    const { home, bucket, scope, owner } = standingBeside(this.ledger, caller, hold.id, 'hold');
    // The payer may look at it, and no more: what he has promised he cannot take for another.
    if (owner !== undefined && hold.credit_owner !== owner) return refuse('hold_unknown', 'Only its payee may capture a hold');
    const isElsewhere = this.ledger.shardOf(hold.credit_account) !== home;
    const metadata = metadataText(request.metadata);
    const amountMinor = request.amount;
    const traceparent = currentTraceparent();
    const notes = {
      reference: request.reference ?? hold.reference ?? undefined,
      externalReference: request.external_reference ?? hold.external_reference ?? undefined,
      metadata: metadata ?? metadataText(hold.metadata ?? undefined),
      actor: caller.subject, traceparent,
    };
    const captured = amountMinor ?? hold.amount_minor;
    const credit = { account: hold.credit_account, amountMinor: captured };
    const posted = await this.transit.post(home, {
      operation: 'capture', holdId: hold.id, transferId: newTransferId(bucketOf(hold.id)), scope, key, bucket,
      requestHash: hashOfRequest('capture', [hold.id, amountMinor?.toString() ?? null, request.reference ?? null, request.external_reference ?? null, metadata ?? null]),
      refusal: amountMinor === 0n ? 'amount_not_positive' : undefined,
      debitAccount: hold.debit_account, creditAccount: hold.credit_account, amountMinor,
      // That it is his was seen to above, and cannot change.
      ...(isElsewhere ? { owner: undefined, inTransit: await this.systemAccounts.of(home, 'in-transit', hold.currency, bucket) } : { owner }),
      ...notes,
    }, isElsewhere ? { legs: [credit], currency: hold.currency, ...notes } : undefined);
    if (isRefusal(posted)) return posted;
    return {
      replayed: posted.replayed,
      body: shownTransfer({
        id: posted.subjectId, kind: 'capture', status: posted.status,
        legs: [{ account: hold.debit_account, amountMinor: -captured }, credit], currency: hold.currency,
        reference: request.reference ?? hold.reference, externalReference: request.external_reference ?? hold.external_reference,
        metadata: request.metadata ?? hold.metadata, hold: hold.id, postedAt: posted.postedAt,
      }),
    };
  }
}
