import { answersFrom, type ProblemTable } from '@holdfast/kit/problem';

/**
 * Every reason why the ledger does not do what it is asked, with what a client sees of it. The one enumeration: the database stores these
 * codes, and OpenAPI lists them.
 */
export const refusals = {
  // What was asked for cannot be.
  amount_not_positive: { status: 422, title: 'The amount must be above zero' },
  leg_zero: { status: 422, title: 'The amount of a leg must not be zero' },
  too_few_legs: { status: 422, title: 'A transfer has two legs at least' },
  too_many_legs: { status: 422, title: 'A transfer has 50 legs at most' },
  same_account: { status: 422, title: 'The same account is named twice' },
  legs_unbalanced: { status: 422, title: 'The legs do not sum to zero in every currency' },
  currency_missing: { status: 422, title: 'The currency of the amount must be named' },
  currency_differs: { status: 422, title: 'The accounts and the transfer are not in the same currency' },
  too_many_shards: { status: 422, title: 'The accounts are spread over too many shards of the ledger for one transfer' },
  expires_at_out_of_range: { status: 422, title: 'A hold must end in the future, and within the longest time allowed' },
  as_of_out_of_range: { status: 422, title: 'The instant lies in the future, or before the account was opened' },
  batch_empty: { status: 422, title: 'The batch holds no transfers' },
  batch_too_large: { status: 422, title: 'The batch holds more than 1,000 transfers' },
  // The accounts do not allow it.
  account_unknown: { status: 404, title: 'There is no such account' },
  account_closed: { status: 409, title: 'One of the accounts is closed' },
  account_frozen: { status: 409, title: 'One of the accounts is frozen' },
  account_not_empty: { status: 409, title: 'The account still has a balance' },
  overdraft_in_use: { status: 409, title: 'The account is further below zero than the new limit allows' },
  account_has_holds: { status: 409, title: 'The account still has open holds' },
  balance_too_large: { status: 422, title: 'A balance would grow beyond what the ledger can hold' },
  exceeds_balance: { status: 422, title: 'The amount exceeds the available balance' },
  // Holds.
  hold_unknown: { status: 404, title: 'There is no such hold' },
  hold_not_open: { status: 409, title: 'The hold was captured, voided or expired before' },
  hold_expired: { status: 409, title: 'The time of the hold is over' },
  hold_not_expired: { status: 409, title: 'The time of the hold is not over yet' },
  capture_exceeds_hold: { status: 422, title: 'The amount exceeds what is held' },
  // Transfers and their reversals.
  transfer_unknown: { status: 404, title: 'There is no such transfer' },
  already_reversed: { status: 409, title: 'The transfer was reversed before' },
  reversal_of_reversal: { status: 422, title: 'A reversal cannot be reversed' },
  transfer_not_reversible: { status: 422, title: 'This transfer cannot be reversed' },
  transfer_pending: { status: 409, title: 'The transfer is still on its way to another shard; ask again', retryAfter_s: 1 },
  // The request.
  period_invalid: { status: 400, title: 'The period ends before it begins' },
  cursor_malformed: { status: 400, title: 'The cursor is not one that a previous page gave' },
  idempotency_key_missing: { status: 400, title: 'The header Idempotency-Key is required' },
  idempotency_key_malformed: { status: 400, title: 'The header Idempotency-Key must be 1 to 255 printable ASCII characters' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used for another request' },
  idempotency_in_flight: { status: 409, title: 'A request with this idempotency key is still being worked on', retryAfter_s: 1 },
  // Never kept under the key: a little later the same request is decided by the shard to which the accounts have moved.
  bucket_moved: { status: 503, title: 'The accounts are moving to another shard of the ledger; ask again with the same Idempotency-Key', retryAfter_s: 1 },
} as const satisfies ProblemTable<string>;

/** Why something was not done. */
export type LedgerRefusal = keyof typeof refusals;

export const refusalCodes = Object.keys(refusals) as [LedgerRefusal, ...LedgerRefusal[]];

export const answer = answersFrom<LedgerRefusal>(refusals);

/** Reads an outcome as the database stored it. Throws on a code that a newer version wrote. */
export function refusalCode(outcome: string): LedgerRefusal {
  if (!Object.hasOwn(refusals, outcome)) throw new Error(`the ledger stores an outcome that this version does not know: ${outcome}`);
  return outcome as LedgerRefusal;
}
