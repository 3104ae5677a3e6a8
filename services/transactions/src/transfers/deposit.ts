import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { bucketOf, newAccountId, newTransferId, parseAccountId, type AccountId } from '../accounts/account-id.ts';
import type { DepositRequest } from '../accounts/account.schema.ts';
import { findAccount, findSystemAccount, insertAccount } from '../accounts/accounts.store.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { hashOfRequest } from './idempotency.ts';
import { answered, type Answered, type Poster } from './poster.ts';
import type { LedgerRefusal } from './refusals.ts';
import type { Transfer } from './transfer.schema.ts';

const CASH_IN = 'system:cash-in';

/** An operator books money that has come in from outside: from the cash account of the shard to the customer's. */
export class Deposit {
  private readonly ledger: Ledger;
  private readonly poster: Poster;
  private readonly cashAccounts = new Map<string, AccountId>();

  constructor(ledger: Ledger, poster: Poster) {
    this.ledger = ledger;
    this.poster = poster;
  }

  async post(caller: CallerOf, key: string, id: string, request: DepositRequest): Promise<Answered<Transfer> | Refusal<LedgerRefusal>> {
    const accountId = parseAccountId(id);
    const shard = accountId && this.ledger.shardOf(accountId);
    const account = shard && await findAccount(shard, accountId);
    if (!accountId || !account || account.kind !== 'customer') return refuse('account_unknown');
    const currency = account.currency as Transfer['currency'];
    const { amount, reference } = request;
    const cash = await this.cashAccountOf(shard, currency, accountId);
    const outcome = await this.poster.post(shard, {
      // The key lives beside the account, in the transaction that moves the money, so it is the operator's key for this account.
      scope: `${caller.subject} deposit ${accountId}`,
      key,
      requestHash: hashOfRequest('deposit', [accountId, amount.toString(), reference ?? null]),
      transferId: newTransferId(bucketOf(accountId)),
      debitAccount: cash,
      creditAccount: accountId,
      amountMinor: amount,
      currency,
      reference,
      owner: undefined,
      refusal: undefined,
      actor: caller.subject,
      traceparent: currentTraceparent(),
    });
    return answered(outcome, (posted) => ({
      id: posted.transferId, status: 'posted', debit_account: cash, credit_account: accountId, amount: amount.toString(), currency,
      reference: reference ?? null, created_at: posted.postedAt,
    }));
  }

  /** Made when the first money of a currency comes to a shard. Two that make it at once find the same one. */
  private async cashAccountOf(shard: Shard, currency: string, neighbour: AccountId): Promise<AccountId> {
    const name = `${shard.number} ${currency}`;
    const known = this.cashAccounts.get(name);
    if (known) return known;
    const account = await findSystemAccount(shard, CASH_IN, currency)
      ?? await insertAccount(shard, {
        id: newAccountId(bucketOf(neighbour)), owner: CASH_IN, name: undefined, currency, kind: 'system', normalSide: 'debit',
        actor: 'transactions', traceparent: currentTraceparent(),
      })
      ?? await findSystemAccount(shard, CASH_IN, currency);
    if (!account) throw new Error(`shard ${shard.number} has no cash account in ${currency}, and takes none`);
    this.cashAccounts.set(name, account.id);
    return account.id;
  }
}
