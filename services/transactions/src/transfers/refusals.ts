import { answersFrom, type ProblemTable } from '@holdfast/kit/problem';
import type { DecisionRefusal } from './decide-transfer.ts';

/** Why something was not done. Every code has its row below, or this file does not compile. */
export type LedgerRefusal =
  | DecisionRefusal
  | 'accounts_on_different_shards'
  | 'transfer_unknown'
  | 'cursor_malformed'
  | 'idempotency_key_missing'
  | 'idempotency_key_malformed'
  | 'idempotency_key_reused'
  | 'idempotency_in_flight';

export const refusals: ProblemTable<LedgerRefusal> = {
  amount_not_positive: { status: 422, title: 'The amount must be above zero' },
  account_unknown: { status: 404, title: 'There is no such account' },
  same_account: { status: 422, title: 'Debit and credit are the same account' },
  account_frozen: { status: 409, title: 'One of the accounts is not open' },
  currency_differs: { status: 422, title: 'The accounts and the transfer are not in the same currency' },
  balance_too_large: { status: 422, title: 'A balance would grow beyond what the ledger can hold' },
  exceeds_balance: { status: 422, title: 'The amount exceeds the available balance' },
  accounts_on_different_shards: { status: 422, title: 'The accounts are on different shards of the ledger, between which nothing can be transferred yet' },
  transfer_unknown: { status: 404, title: 'There is no such transfer' },
  cursor_malformed: { status: 400, title: 'The cursor is not one that a previous page gave' },
  idempotency_key_missing: { status: 400, title: 'The header Idempotency-Key is required' },
  idempotency_key_malformed: { status: 400, title: 'The header Idempotency-Key must be 1 to 255 printable ASCII characters' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used for another request' },
  idempotency_in_flight: { status: 409, title: 'A request with this idempotency key is still being worked on', retryAfter_s: 1 },
};

export const answer = answersFrom(refusals);

/** Reads an outcome as the database stored it. Throws on a code that a newer version wrote. */
export function refusalCode(outcome: string): LedgerRefusal {
  if (!(outcome in refusals)) throw new Error(`the ledger stores an outcome that this version does not know: ${outcome}`);
  return outcome as LedgerRefusal;
}
