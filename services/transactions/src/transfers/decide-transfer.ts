import { MAX_MINOR } from '@holdfast/kit/money';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import type { AccountId } from '../accounts/account-id.ts';

export interface Account {
  readonly id: AccountId;
  readonly owner: string;
  readonly currency: string;
  readonly kind: 'customer' | 'system';
  /** The side on which its balance is shown as positive: credit for money we owe (customers), debit for money we hold (cash). */
  readonly normalSide: 'debit' | 'credit';
  readonly overdraft: 'forbidden' | 'allowed';
  readonly status: 'open' | 'frozen' | 'closed';
  /** Credits minus debits, for both normal sides, so that all balances sum to zero. */
  readonly balanceMinor: bigint;
}

export interface Transfer {
  readonly amountMinor: bigint;
  readonly currency: string;
  /** Whose money the caller may move; undefined if the platform itself moves it, as in a deposit. */
  readonly owner: string | undefined;
}

export interface Entry {
  readonly accountId: AccountId;
  /** Negative is a debit. */
  readonly amountMinor: bigint;
  readonly balanceAfterMinor: bigint;
}

export type DecisionRefusal =
  | 'amount_not_positive'
  | 'account_unknown'
  | 'same_account'
  | 'account_frozen'
  | 'currency_differs'
  | 'balance_too_large'
  | 'exceeds_balance';

/**
 * Decides one transfer against the accounts it would touch: the two entries, or the first refusal in the order of the checks
 * below. Amounts are minor units. It is the readable form of the rule; the database decides by the same one under its locks
 * (migrations/0004_post_transfers.sql), and an integration test holds the two against each other on random batches.
 */
export function decideTransfer(
  transfer: Transfer,
  debit: Account | undefined,
  credit: Account | undefined,
): readonly [Entry, Entry] | Refusal<DecisionRefusal> {
  const { amountMinor, currency, owner } = transfer;
  if (amountMinor <= 0n) return refuse('amount_not_positive');
  if (!debit || !credit) return refuse('account_unknown');
  // The same answer as for an account that is not there: that it exists is its owner's business.
  if (owner !== undefined && (debit.owner !== owner || debit.kind === 'system' || credit.kind === 'system')) return refuse('account_unknown');
  if (debit.id === credit.id) return refuse('same_account');
  if (debit.status !== 'open' || credit.status !== 'open') return refuse('account_frozen');
  if (debit.currency !== currency || credit.currency !== currency) return refuse('currency_differs');
  const debitAfterMinor = debit.balanceMinor - amountMinor;
  const creditAfterMinor = credit.balanceMinor + amountMinor;
  if (debitAfterMinor < -MAX_MINOR || creditAfterMinor > MAX_MINOR) return refuse('balance_too_large');
  if (overdraws(debit, debitAfterMinor) || overdraws(credit, creditAfterMinor)) return refuse('exceeds_balance');
  return [
    { accountId: debit.id, amountMinor: -amountMinor, balanceAfterMinor: debitAfterMinor },
    { accountId: credit.id, amountMinor, balanceAfterMinor: creditAfterMinor },
  ];
}

/** Whether a balance would lie on the wrong side of zero for its account; crediting a cash account beyond what it holds does, too. */
function overdraws(account: Account, balanceAfterMinor: bigint): boolean {
  if (account.overdraft === 'allowed') return false;
  return account.normalSide === 'credit' ? balanceAfterMinor < 0n : balanceAfterMinor > 0n;
}
