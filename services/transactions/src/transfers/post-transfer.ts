import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOfSubject, newTransferId, parseAccountId, parseTransferId } from '../accounts/account-id.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { hashOfRequest } from './idempotency.ts';
import { answered, type Answered, type Poster } from './poster.ts';
import type { LedgerRefusal } from './refusals.ts';
import type { PostTransferRequest, Transfer } from './transfer.schema.ts';
import { findTransfer } from './transfers.store.ts';

/** A customer moves money out of his own account. */
export class PostTransfer {
  private readonly ledger: Ledger;
  private readonly poster: Poster;

  constructor(ledger: Ledger, poster: Poster) {
    this.ledger = ledger;
    this.poster = poster;
  }

  async post(caller: CallerOf, key: string, request: PostTransferRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const { debit_account, credit_account, amount, currency, reference } = request;
    // All accounts of a person are at home, and so are his keys: a debit account that is elsewhere is not found there, and is not his.
    const home = this.ledger.homeOf(caller.subject);
    const outcome = await this.poster.post(home, {
      scope: caller.subject,
      key,
      requestHash: hashOfRequest('transfer', [debit_account, credit_account, amount.toString(), currency, reference ?? null]),
      transferId: newTransferId(bucketOfSubject(caller.subject)),
      debitAccount: debit_account,
      creditAccount: credit_account,
      amountMinor: amount,
      currency,
      reference,
      owner: caller.subject,
      refusal: this.refusalAhead(home, debit_account, credit_account),
      actor: caller.subject,
      traceparent: currentTraceparent(),
    });
    return answered(outcome, (posted) => ({
      id: posted.transferId, status: 'posted', debit_account, credit_account, amount: amount.toString(), currency,
      reference: reference ?? null, created_at: posted.postedAt,
    }));
  }

  /** Only the two parties, and operators, may see a transfer; for others it is not there. */
  async show(caller: CallerOf, id: string): Promise<Transfer | Refusal<LedgerRefusal>> {
    const transferId = parseTransferId(id);
    const row = transferId && await findTransfer(this.ledger.shardOf(transferId), transferId);
    if (!row || !(row.debit_owner === caller.subject || row.credit_owner === caller.subject || caller.roles.includes('operator'))) {
      return refuse('transfer_unknown');
    }
    return {
      id: row.id, status: 'posted', debit_account: row.debit_account, credit_account: row.credit_account, amount: row.amount_minor.toString(),
      currency: row.currency as Transfer['currency'], reference: row.reference, created_at: row.created_at,
    };
  }

  /** What the home shard cannot find out: that the credit account is one of another shard. It does not tell whether that account exists. */
  private refusalAhead(home: Shard, debitAccount: string, creditAccount: string): LedgerRefusal | undefined {
    const debit = parseAccountId(debitAccount);
    const credit = parseAccountId(creditAccount);
    if (!debit || !credit || this.ledger.shardOf(debit) !== home) return 'account_unknown';
    return this.ledger.shardOf(credit) === home ? undefined : 'accounts_on_different_shards';
  }
}
