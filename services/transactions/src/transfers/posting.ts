import type { TransferId } from '../accounts/account-id.ts';
import type { LedgerRefusal } from './refusals.ts';

/** A transfer on its way to the ledger, with the idempotency key under which its answer is kept. */
export interface Posting {
  /** Whose key it is. */
  readonly scope: string;
  readonly key: string;
  /** SHA-256 of what was asked for: the same key with another hash is refused. */
  readonly requestHash: Buffer;
  readonly transferId: TransferId;
  readonly debitAccount: string;
  readonly creditAccount: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly reference: string | undefined;
  /** Whose money the caller may move; undefined if the platform itself moves it. */
  readonly owner: string | undefined;
  /** A refusal found before the ledger was asked; it is kept under the key like any other. */
  readonly refusal: LedgerRefusal | undefined;
  readonly actor: string;
  readonly traceparent: string | undefined;
}

export interface Posted {
  readonly outcome: 'posted' | LedgerRefusal;
  /** True if this is the answer of an earlier request with the same key and body. */
  readonly replayed: boolean;
  /** Of the transfer that was posted, now or then. */
  readonly transferId: TransferId;
  /** RFC 3339, UTC, microseconds. */
  readonly postedAt: string;
}
