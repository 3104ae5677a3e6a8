import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import type { Ledger } from '../shards/ledger.ts';
import { hashOfRequest } from '../transfers/idempotency.ts';
import { answered, type Answered, type Poster } from '../transfers/poster.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import { standingBeside } from '../transfers/standing.ts';
import type { Hold } from './hold.schema.ts';
import { shownHold, type Holds } from './holds.ts';

/** The payee lets go of what was promised to him; an operator may do it for him. The payer may not: he has promised it. */
export class VoidHold {
  private readonly ledger: Ledger;
  private readonly holds: Holds;
  private readonly poster: Poster;

  constructor(ledger: Ledger, holds: Holds, poster: Poster) {
    this.ledger = ledger;
    this.holds = holds;
    this.poster = poster;
  }

  async void(caller: CallerOf, key: string, id: string): Promise<Answered<Hold> | Refusal<LedgerRefusal>> {
    const hold = await this.holds.find(caller, id);
    if (!hold) return refuse('hold_unknown');
    const { home, bucket, scope, owner } = standingBeside(this.ledger, caller, hold.id, 'hold');
    if (owner !== undefined && hold.credit_owner !== owner) return refuse('hold_unknown', 'Only its payee may void a hold');
    const isElsewhere = this.ledger.shardOf(hold.credit_account) !== home;
    const outcome = await this.poster.post(home, {
      operation: 'void', holdId: hold.id, scope, key, bucket, requestHash: hashOfRequest('void', [hold.id]),
      debitAccount: hold.debit_account, creditAccount: hold.credit_account,
      // That it is his was seen to above, and cannot change; of an account elsewhere the shard knows no owner.
      owner: isElsewhere ? undefined : owner,
      actor: caller.subject, traceparent: currentTraceparent(),
    });
    return answered(outcome, (posted) => ({ ...shownHold(hold), status: 'voided', captured: '0', closed_at: posted.postedAt }));
  }
}
