import type { AccountId, HoldId, TransferId } from '../accounts/account-id.ts';
import type { LedgerRefusal } from './refusals.ts';

/** What one account gets or gives in a transfer. */
export interface Leg {
  readonly account: AccountId;
  /** Minor units, never zero: negative is a debit. */
  readonly amountMinor: bigint;
}

export const LEGS_MAX = 50;

/** A transfer by what it is for. A capture is one too; it comes of its own operation. */
export type TransferKind = 'transfer' | 'deposit' | 'withdrawal' | 'reversal' | 'transit_in' | 'transit_return';

/** What every operation brings with it: the idempotency key under which its answer is kept, and who asks. */
export interface Envelope {
  /** Whose key it is. */
  readonly scope: string;
  readonly key: string;
  /** With which bucket the key moves to another shard: that of the person or account whose key it is. If it is not on this shard: `bucket_moved`. */
  readonly bucket: number;
  /** SHA-256 of what was asked for: the same key with another hash is refused. */
  readonly requestHash: Buffer;
  /** A refusal found before the ledger was asked; it is kept under the key like any other. Nothing else of the operation is then looked at but its id. */
  readonly refusal?: LedgerRefusal | undefined;
  readonly actor: string;
  readonly traceparent: string | undefined;
  /**
   * Whose money the caller may move: every debited account must be his, and no system account may be named (but the one in transit, if legs
   * go to another shard). Of a capture and a void: whose hold it must be, as the owner of its credit account. Undefined: the platform or an operator.
   */
  readonly owner: string | undefined;
  readonly reference?: string | undefined;
  readonly externalReference?: string | undefined;
  /** JSON text of an object, 4 kB at most, without U+0000. */
  readonly metadata?: string | undefined;
}

export interface TransferPosting extends Envelope {
  readonly operation: 'transfer';
  readonly transferId: TransferId;
  readonly kind: TransferKind;
  /** 2 to 50, each account once, of this shard only, balanced per currency. */
  readonly legs: readonly Leg[];
  /** If given, the currency of every account must be this one. */
  readonly currency?: string | undefined;
  /** Credits on one other shard. `legs` then holds one leg to the account in transit of their currency, of their sum. */
  readonly outgoing?: readonly Leg[] | undefined;
  /**
   * Of a reversal: the transfer that is taken back; `legs` are its legs with the other sign (credits may go to the account in transit instead).
   * Of a transit_return: the outgoing transfer, whose row becomes `returned`.
   */
  readonly reverses?: TransferId | undefined;
  /** Of a transit_return: why the other shard refused. */
  readonly returnedFor?: LedgerRefusal | undefined;
}

export interface HoldPosting extends Envelope {
  readonly operation: 'hold';
  readonly holdId: HoldId;
  readonly debitAccount: AccountId;
  readonly creditAccount: AccountId;
  /** True if the credit account is one of another shard, where the caller has found it; it is not looked for here. */
  readonly creditElsewhere?: boolean | undefined;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly expiresAt: Date;
}

/** The accounts are those of the hold's row: they never change, so they are read before, and locked here. */
export interface CapturePosting extends Envelope {
  readonly operation: 'capture';
  readonly holdId: HoldId;
  readonly transferId: TransferId;
  readonly debitAccount: AccountId;
  readonly creditAccount: AccountId;
  /** The account in transit, if the credit account is one of another shard; `owner` must then be checked before, and undefined here. */
  readonly inTransit?: AccountId | undefined;
  /** Undefined: all that is held. What is not captured is released. */
  readonly amountMinor: bigint | undefined;
}

export interface ReleasePosting extends Envelope {
  /** An `expire` is refused before its time; it wants a key that is new each time it is tried. */
  readonly operation: 'void' | 'expire';
  readonly holdId: HoldId;
  readonly debitAccount: AccountId;
  readonly creditAccount: AccountId;
}

/** Something for the ledger to decide, on its way there. */
export type Posting = TransferPosting | HoldPosting | CapturePosting | ReleasePosting;

/** What the answer is about: the transfer of a transfer and a capture, the hold of all else. */
export function subjectOf(posting: Posting): TransferId | HoldId {
  return 'transferId' in posting ? posting.transferId : posting.holdId;
}

export interface Posted {
  readonly outcome: 'posted' | LedgerRefusal;
  /** True if this is the answer of an earlier request with the same key and body. */
  readonly replayed: boolean;
  /** The transfer or hold, of now or then. */
  readonly subjectId: TransferId | HoldId;
  /** RFC 3339, UTC, microseconds: when the transfer was posted, the hold placed or released. */
  readonly postedAt: string;
}
