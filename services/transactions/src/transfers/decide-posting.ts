import { MAX_MINOR } from '@holdfast/kit/money';
import type { AccountId, HoldId, TransferId } from '../accounts/account-id.ts';
import { LEGS_MAX, type CapturePosting, type HoldPosting, type Leg, type Posting, type ReleasePosting, type TransferKind, type TransferPosting } from './posting.ts';
import type { LedgerRefusal } from './refusals.ts';

export const IN_TRANSIT = 'system:in-transit';
const FEES = 'system:fees';

export interface Account {
  readonly id: AccountId;
  readonly owner: string;
  readonly currency: string;
  readonly kind: 'customer' | 'system';
  /** The side on which its balance is shown as positive: credit for money we owe (customers), debit for money we hold (cash). */
  readonly normalSide: 'debit' | 'credit';
  readonly status: 'open' | 'frozen' | 'closed';
  /** How far below zero the available balance may go; undefined: without limit. */
  readonly overdraftLimitMinor: bigint | undefined;
  /** Credits minus debits, for both normal sides, so that all balances sum to zero. */
  readonly balanceMinor: bigint;
  /** What open holds reserve. */
  readonly heldMinor: bigint;
  /** The number of its entries. */
  readonly version: bigint;
}

export interface Hold {
  readonly id: HoldId;
  readonly debitAccount: AccountId;
  readonly creditAccount: AccountId;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly capturedMinor: bigint;
  readonly status: 'open' | 'captured' | 'voided' | 'expired';
  readonly expiresAt: Date;
}

/** A transfer of before, as far as one that takes it back wants to know. */
export interface PastTransfer {
  readonly id: TransferId;
  readonly kind: TransferKind | 'capture';
  readonly legs: readonly Leg[];
  /** Of one that has legs on another shard. */
  readonly outgoing: 'sent' | 'settled' | 'returned' | undefined;
  readonly takenBack: boolean;
}

/** What a decision looks at; in the database, what its locks hold. */
export interface Books {
  account(id: AccountId): Account | undefined;
  hold(id: HoldId): Hold | undefined;
  transfer(id: TransferId): PastTransfer | undefined;
  readonly now: Date;
}

/** What a posting does: balances move by legs, which become entries, and one hold becomes another. */
export interface Effect {
  readonly legs: readonly Leg[];
  readonly hold: Hold | undefined;
  /** By how much the amount held on the hold's debit account changes. */
  readonly heldMinor: bigint;
}

/**
 * Decides one operation against the books: its effect, or the first refusal in the order of the checks. Amounts are minor units. It is the
 * readable form of the rule; the database decides by the same one under its locks (migrations/0004_post_batch.sql), and a test holds the two against
 * each other on random commands.
 */
export function decidePosting(posting: Posting, books: Books): Effect | LedgerRefusal {
  const refusal = posting.refusal ?? refusalOfShape(posting);
  if (refusal) return refusal;
  switch (posting.operation) {
    case 'transfer': return decideTransfer(posting, books);
    case 'hold': return decideHold(posting, books);
    case 'capture': return decideCapture(posting, books);
    case 'void':
    case 'expire': return decideRelease(posting, books);
  }
}

/** What can be said without looking at an account. The store asks it of every posting, so that the database need not. */
export function refusalOfShape(posting: Posting): LedgerRefusal | undefined {
  if (posting.operation === 'transfer') return refusalOfLegs(posting.legs);
  if (posting.operation === 'hold') {
    if (posting.amountMinor <= 0n) return 'amount_not_positive';
    if (posting.amountMinor > MAX_MINOR) return 'balance_too_large';
    return posting.debitAccount === posting.creditAccount ? 'same_account' : undefined;
  }
  if (posting.operation === 'capture' && posting.amountMinor !== undefined) {
    if (posting.amountMinor <= 0n) return 'amount_not_positive';
    if (posting.amountMinor > MAX_MINOR) return 'capture_exceeds_hold';
  }
  return undefined;
}

export function refusalOfLegs(legs: readonly Leg[]): LedgerRefusal | undefined {
  if (legs.length < 2) return 'too_few_legs';
  if (legs.length > LEGS_MAX) return 'too_many_legs';
  if (legs.some((leg) => leg.amountMinor === 0n)) return 'leg_zero';
  // The sum of what goes to another shard may be one, though each part of it is not.
  if (legs.some((leg) => leg.amountMinor > MAX_MINOR || leg.amountMinor < -MAX_MINOR)) return 'balance_too_large';
  // Two legs are by far the most, and need no set.
  const distinct = legs.length === 2 ? legs[0]?.account !== legs[1]?.account : new Set(legs.map((leg) => leg.account)).size === legs.length;
  return distinct ? undefined : 'same_account';
}

function decideTransfer(posting: TransferPosting, books: Books): Effect | LedgerRefusal {
  const takingBack = refusalOfTakingBack(posting, books);
  if (takingBack) return takingBack;
  const { owner, kind } = posting;
  const moves = posting.legs.flatMap((leg) => {
    const account = books.account(leg.account);
    return account ? [{ account, amountMinor: leg.amountMinor }] : [];
  });
  const each = (refuses: (account: Account, amountMinor: bigint) => boolean): boolean => moves.some(({ account, amountMinor }) => refuses(account, amountMinor));

  if (moves.length < posting.legs.length) return 'account_unknown';
  // The same answer as for an account that is not there: that it exists is its owner's business.
  const passesTransit = (account: Account, amountMinor: bigint): boolean => posting.outgoing !== undefined && amountMinor > 0n && account.owner === IN_TRANSIT;
  if (owner !== undefined && each((account, amountMinor) =>
    (account.kind === 'system' && !passesTransit(account, amountMinor)) || (amountMinor < 0n && account.owner !== owner))) return 'account_unknown';
  // From another shard come credits of customers, and fees: what people ask for there must not reach the platform's other accounts here.
  if (kind === 'transit_in' && each((account, amountMinor) => account.owner !== IN_TRANSIT
    && ((account.kind === 'system' && account.owner !== FEES) || amountMinor < 0n))) return 'account_unknown';
  // Money that comes back has nowhere else to go.
  if (kind !== 'transit_return') {
    if (each((account) => account.status === 'closed')) return 'account_closed';
    if (each((account) => account.status === 'frozen')) return 'account_frozen';
  }
  if (posting.currency !== undefined && each((account) => account.currency !== posting.currency)) return 'currency_differs';
  const sums = new Map<string, bigint>();
  for (const { account, amountMinor } of moves) sums.set(account.currency, (sums.get(account.currency) ?? 0n) + amountMinor);
  if ([...sums.values()].some((sum) => sum !== 0n)) return 'legs_unbalanced';
  if (each(outgrows)) return 'balance_too_large';
  if (each(overdraws)) return 'exceeds_balance';
  return { legs: posting.legs, hold: undefined, heldMinor: 0n };
}

function refusalOfTakingBack(posting: TransferPosting, books: Books): LedgerRefusal | undefined {
  if (posting.reverses === undefined) return undefined;
  const past = books.transfer(posting.reverses);
  if (posting.kind === 'transit_return') return past?.outgoing === 'sent' ? undefined : 'transfer_not_reversible';
  if (!past) return 'transfer_unknown';
  if (past.kind === 'reversal') return 'reversal_of_reversal';
  if (past.kind === 'transit_return' || past.outgoing !== undefined) return 'transfer_not_reversible';
  if (past.takenBack) return 'already_reversed';
  const mirrors = (leg: Leg, others: readonly Leg[]): boolean => others.some((other) => other.account === leg.account && other.amountMinor === -leg.amountMinor);
  // What is given back may go to another shard by now; what is taken is taken where it was given.
  const toMatch = (legs: readonly Leg[], taken: (leg: Leg) => boolean): readonly Leg[] => (posting.outgoing ? legs.filter(taken) : legs);
  const matches = toMatch(posting.legs, (leg) => leg.amountMinor < 0n).every((leg) => mirrors(leg, past.legs))
    && toMatch(past.legs, (leg) => leg.amountMinor > 0n).every((leg) => mirrors(leg, posting.legs));
  return matches ? undefined : 'transfer_not_reversible';
}

function decideHold(posting: HoldPosting, books: Books): Effect | LedgerRefusal {
  const { amountMinor, owner, currency } = posting;
  const debit = books.account(posting.debitAccount);
  const credit = posting.creditElsewhere ? debit : books.account(posting.creditAccount);
  // Only customers' money is held: what the platform has it does not promise to itself.
  if (!debit || !credit || debit.kind === 'system' || debit.normalSide === 'debit') return 'account_unknown';
  if (owner !== undefined && (debit.owner !== owner || credit.kind === 'system')) return 'account_unknown';
  const notOpen = refusalOfStatus(debit, credit);
  if (notOpen) return notOpen;
  if (debit.currency !== currency || credit.currency !== currency) return 'currency_differs';
  if (posting.expiresAt <= books.now) return 'expires_at_out_of_range';
  if (outgrows(debit, -amountMinor) || debit.heldMinor + amountMinor > MAX_MINOR) return 'balance_too_large';
  if (overdraws(debit, -amountMinor)) return 'exceeds_balance';
  const hold: Hold = {
    id: posting.holdId, debitAccount: debit.id, creditAccount: posting.creditAccount, currency, amountMinor, capturedMinor: 0n, status: 'open', expiresAt: posting.expiresAt,
  };
  return { legs: [], hold, heldMinor: amountMinor };
}

function decideCapture(posting: CapturePosting, books: Books): Effect | LedgerRefusal {
  const hold = books.hold(posting.holdId);
  const debit = books.account(posting.debitAccount);
  const credit = books.account(posting.inTransit ?? posting.creditAccount);
  if (!hold || hold.debitAccount !== posting.debitAccount) return 'hold_unknown';
  if (posting.inTransit === undefined ? hold.creditAccount !== posting.creditAccount : credit?.owner !== IN_TRANSIT) return 'hold_unknown';
  if (posting.owner !== undefined && credit && credit.owner !== posting.owner) return 'hold_unknown';
  if (hold.status !== 'open') return 'hold_not_open';
  if (hold.expiresAt <= books.now) return 'hold_expired';
  const amountMinor = posting.amountMinor ?? hold.amountMinor;
  if (amountMinor > hold.amountMinor) return 'capture_exceeds_hold';
  if (!debit || !credit) return 'account_unknown';
  const notOpen = refusalOfStatus(debit, credit);
  if (notOpen) return notOpen;
  // What was held is there: neither the balance nor the policy of the debit account can object.
  if (outgrows(credit, amountMinor)) return 'balance_too_large';
  if (overdraws(credit, amountMinor)) return 'exceeds_balance';
  return {
    legs: [{ account: debit.id, amountMinor: -amountMinor }, { account: credit.id, amountMinor }],
    hold: { ...hold, status: 'captured', capturedMinor: amountMinor },
    heldMinor: -hold.amountMinor,
  };
}

/** Gives back what is held. It asks for no status: nobody's money moves, and a frozen account's must not stay promised for ever. */
function decideRelease(posting: ReleasePosting, books: Books): Effect | LedgerRefusal {
  const hold = books.hold(posting.holdId);
  if (!hold || hold.debitAccount !== posting.debitAccount || !books.account(posting.debitAccount)) return 'hold_unknown';
  if (posting.owner !== undefined && (hold.creditAccount !== posting.creditAccount || books.account(posting.creditAccount)?.owner !== posting.owner)) return 'hold_unknown';
  if (hold.status !== 'open') return 'hold_not_open';
  if (posting.operation === 'expire' && hold.expiresAt > books.now) return 'hold_not_expired';
  return { legs: [], hold: { ...hold, status: posting.operation === 'void' ? 'voided' : 'expired' }, heldMinor: -hold.amountMinor };
}

function refusalOfStatus(debit: Account, credit: Account): LedgerRefusal | undefined {
  if (debit.status === 'closed' || credit.status === 'closed') return 'account_closed';
  return debit.status === 'frozen' || credit.status === 'frozen' ? 'account_frozen' : undefined;
}

/** Whether a leg would leave the range in which the database can count, what is held included. */
function outgrows(account: Account, amountMinor: bigint): boolean {
  return amountMinor < 0n ? account.balanceMinor - account.heldMinor + amountMinor < -MAX_MINOR : account.balanceMinor + amountMinor > MAX_MINOR;
}

/** Whether a leg would take more than is available; crediting a cash account beyond what it holds does, too. */
function overdraws(account: Account, amountMinor: bigint): boolean {
  const takenMinor = account.normalSide === 'credit' ? -amountMinor : amountMinor;
  if (takenMinor <= 0n || account.overdraftLimitMinor === undefined) return false;
  return takenMinor > availableMinor(account);
}

/** What may be taken from an account: its balance on its normal side, less what is held, and as far below zero as its overdraft reaches. */
export function availableMinor(account: Pick<Account, 'normalSide' | 'balanceMinor' | 'heldMinor' | 'overdraftLimitMinor'>): bigint {
  const onNormalSide = account.normalSide === 'credit' ? account.balanceMinor : -account.balanceMinor;
  return onNormalSide - account.heldMinor + (account.overdraftLimitMinor ?? 0n);
}
