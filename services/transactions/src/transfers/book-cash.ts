import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOf, newTransferId, parseAccountId } from '../accounts/account-id.ts';
import type { BookCashRequest } from '../accounts/account.schema.ts';
import { findAccount } from '../accounts/accounts.store.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import { metadataText } from '../metadata.ts';
import type { Ledger } from '../shards/ledger.ts';
import { hashOfRequest } from './idempotency.ts';
import { answered, type Answered, type Poster } from './poster.ts';
import { shownTransfer } from './prepare-transfer.ts';
import type { LedgerRefusal } from './refusals.ts';
import type { Transfer } from './transfer.schema.ts';

/** An operator books money that has come in from outside, or that goes out: between a customer's account and the cash accounts of its shard. */
export class BookCash {
  private readonly ledger: Ledger;
  private readonly systemAccounts: SystemAccounts;
  private readonly poster: Poster;

  constructor(ledger: Ledger, systemAccounts: SystemAccounts, poster: Poster) {
    this.ledger = ledger;
    this.systemAccounts = systemAccounts;
    this.poster = poster;
  }

  async book(kind: 'deposit' | 'withdrawal', caller: CallerOf, key: string, id: string, request: BookCashRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const accountId = parseAccountId(id);
    const shard = accountId && this.ledger.shardOf(accountId);
    const account = shard && await findAccount(shard, accountId);
    if (!accountId || !account || account.kind !== 'customer') return refuse('account_unknown');
    const bucket = bucketOf(accountId);
    const cash = await this.systemAccounts.of(shard, kind === 'deposit' ? 'cash-in' : 'cash-out', account.currency, bucket);
    const { amount, reference, external_reference: externalReference } = request;
    const metadata = metadataText(request.metadata);
    const [debit, credit] = kind === 'deposit' ? [cash, accountId] : [accountId, cash];
    const legs = [{ account: debit, amountMinor: -amount }, { account: credit, amountMinor: amount as bigint }];
    const outcome = await this.poster.post(shard, {
      operation: 'transfer', kind, transferId: newTransferId(bucket),
      // The key lives beside the account, in the transaction that moves the money, so it is the operator's key for this account.
      scope: `${caller.subject} ${kind} ${accountId}`,
      key, bucket,
      requestHash: hashOfRequest(kind, [accountId, amount.toString(), reference ?? null, externalReference ?? null, metadata ?? null]),
      refusal: amount === 0n ? 'amount_not_positive' : undefined,
      legs,
      currency: account.currency,
      reference, externalReference, metadata,
      owner: undefined,
      actor: caller.subject,
      traceparent: currentTraceparent(),
    });
    return answered(outcome, (posted) => shownTransfer({
      id: posted.subjectId, kind, status: 'posted', legs, currency: account.currency, reference: reference ?? null, externalReference: externalReference ?? null,
      metadata: request.metadata ?? null, postedAt: posted.postedAt,
    }));
  }
}
