import type { AccountId, HoldId, TransferId } from '../accounts/account-id.ts';
import { decidePosting, type Account, type Books, type Hold, type PastTransfer } from './decide-posting.ts';
import { subjectOf, type Posted, type Posting } from './posting.ts';

/** The ledger in memory, by the pure rule alone: what the database is held against. One posting after the other, keys included. */
export class ModelBooks implements Books {
  readonly accounts = new Map<AccountId, Account>();
  readonly holds = new Map<HoldId, Hold>();
  readonly transfers = new Map<TransferId, PastTransfer>();
  private readonly keys = new Map<string, { hash: string; outcome: Posted['outcome']; subjectId: Posted['subjectId'] }>();

  get now(): Date { return new Date(); }
  account(id: AccountId): Account | undefined { return this.accounts.get(id); }
  hold(id: HoldId): Hold | undefined { return this.holds.get(id); }
  transfer(id: TransferId): PastTransfer | undefined { return this.transfers.get(id); }

  post(posting: Posting): Pick<Posted, 'outcome' | 'replayed' | 'subjectId'> {
    const name = JSON.stringify([posting.scope, posting.key]);
    const hash = posting.requestHash.toString('hex');
    const known = this.keys.get(name);
    if (known?.hash === hash) return { outcome: known.outcome, replayed: true, subjectId: known.subjectId };
    if (known) return { outcome: 'idempotency_key_reused', replayed: false, subjectId: subjectOf(posting) };
    const outcome = this.decide(posting);
    this.keys.set(name, { hash, outcome, subjectId: subjectOf(posting) });
    return { outcome, replayed: false, subjectId: subjectOf(posting) };
  }

  private decide(posting: Posting): Posted['outcome'] {
    const effect = decidePosting(posting, this);
    if (typeof effect === 'string') return effect;
    for (const { account, amountMinor } of effect.legs) this.change(account, (of) => ({ balanceMinor: of.balanceMinor + amountMinor, version: of.version + 1n }));
    if (effect.hold) {
      this.holds.set(effect.hold.id, effect.hold);
      this.change(effect.hold.debitAccount, (of) => ({ heldMinor: of.heldMinor + effect.heldMinor }));
    }
    if ('transferId' in posting) {
      const outgoing = posting.operation === 'transfer' ? posting.outgoing : posting.inTransit;
      this.transfers.set(posting.transferId, {
        id: posting.transferId, kind: posting.operation === 'transfer' ? posting.kind : 'capture', legs: effect.legs, outgoing: outgoing ? 'sent' : undefined, takenBack: false,
      });
    }
    if (posting.operation === 'transfer' && posting.reverses !== undefined) {
      const past = this.transfers.get(posting.reverses);
      if (past) this.transfers.set(past.id, { ...past, takenBack: true, outgoing: past.outgoing && 'returned' });
    }
    return 'posted';
  }

  change(id: AccountId, how: (account: Account) => Partial<Account>): void {
    const account = this.accounts.get(id);
    if (account) this.accounts.set(id, { ...account, ...how(account) });
  }
}
