import type { CallerOf } from '@holdfast/kit/authentication';
import { isRefusal, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { newHoldId, parseAccountId, type AccountId, type HoldId } from '../accounts/account-id.ts';
import { findAccount } from '../accounts/accounts.store.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import { hashOfRequest } from '../transfers/idempotency.ts';
import type { Answered, Poster } from '../transfers/poster.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import type { RouteLegs } from '../transfers/route-legs.ts';
import { standingOf, type Standing } from '../transfers/standing.ts';
import { HOLD_DEFAULT_MS, HOLD_MAX_MS, type Hold, type PlaceHoldRequest } from './hold.schema.ts';
import { shownHold } from './holds.ts';
import { findHold } from './holds.store.ts';

/** A payer promises money to a payee: from now on nobody can spend it, and the payee may capture it. */
export class PlaceHold {
  private readonly ledger: Ledger;
  private readonly routes: RouteLegs;
  private readonly poster: Poster;

  constructor(ledger: Ledger, routes: RouteLegs, poster: Poster) {
    this.ledger = ledger;
    this.routes = routes;
    this.poster = poster;
  }

  async place(caller: CallerOf, key: string, request: PlaceHoldRequest): Promise<Answered<Hold> | Refusal<LedgerRefusal>> {
    const [debit, credit] = [parseAccountId(request.debit_account), parseAccountId(request.credit_account)];
    const standing = standingOf(this.ledger, caller, debit);
    const expiresAt = new Date(request.expires_at ?? Date.now() + HOLD_DEFAULT_MS);
    const refusal = debit && credit ? await this.refusalAhead(standing, debit, credit, request, expiresAt) : 'account_unknown';
    const metadata = metadataText(request.metadata);
    const { home, bucket, scope, owner } = standing;
    const outcome = await this.poster.post(home, {
      operation: 'hold', holdId: newHoldId(bucket), scope, key, bucket, owner, refusal,
      requestHash: hashOfRequest('hold', [
        request.debit_account, request.credit_account, request.amount.toString(), request.currency, request.expires_at ?? null,
        request.reference ?? null, request.external_reference ?? null, metadata ?? null,
      ]),
      // Not looked at where it is refused ahead.
      debitAccount: debit as AccountId, creditAccount: credit as AccountId, creditElsewhere: credit !== undefined && this.routes.isElsewhere(credit, home),
      amountMinor: request.amount, currency: request.currency, expiresAt,
      reference: request.reference, externalReference: request.external_reference, metadata,
      actor: caller.subject, traceparent: currentTraceparent(),
    });
    if (isRefusal(outcome)) return outcome;
    return { replayed: outcome.replayed, body: await this.shown(standing, outcome.subjectId as HoldId, outcome.replayed, outcome.postedAt, request, expiresAt) };
  }

  /** As it was when it was placed, whatever has become of it: that is the first answer. Its end is in its row, if nobody had named one. */
  private async shown({ home }: Standing, id: HoldId, isReplayed: boolean, postedAt: string, request: PlaceHoldRequest, expiresAt: Date): Promise<Hold> {
    const row = isReplayed ? await findHold(home, id) : undefined;
    if (row) return { ...shownHold(row), status: 'open', captured: '0', closed_at: null };
    return {
      id, status: 'open', debit_account: request.debit_account, credit_account: request.credit_account, amount: request.amount.toString(), captured: '0',
      currency: request.currency, expires_at: expiresAt.toISOString().replace('Z', '000Z'), reference: request.reference ?? null,
      external_reference: request.external_reference ?? null, metadata: request.metadata ?? null, created_at: postedAt, closed_at: null,
    };
  }

  private async refusalAhead({ home, owner }: Standing, debit: AccountId, credit: AccountId, { amount }: PlaceHoldRequest, expiresAt: Date): Promise<LedgerRefusal | undefined> {
    if (amount === 0n) return 'amount_not_positive';
    const ahead_ms = expiresAt.getTime() - Date.now();
    if (ahead_ms <= 0 || ahead_ms > HOLD_MAX_MS) return 'expires_at_out_of_range';
    if (this.routes.isElsewhere(debit, home)) return owner === undefined ? 'too_many_shards' : 'account_unknown';
    if (!this.routes.isElsewhere(credit, home)) return undefined;
    const account = await findAccount(this.ledger.shardOf(credit), credit);
    return account?.kind === 'customer' ? undefined : 'account_unknown';
  }
}
