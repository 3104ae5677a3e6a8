import { log } from '@holdfast/kit/logging';
import { counter } from '@holdfast/kit/metrics';
import { Problem } from '@holdfast/kit/problem';
import { bucketOf } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import { hashOfRequest } from '../transfers/idempotency.ts';
import type { Poster } from '../transfers/poster.ts';
import type { ReleasePosting } from '../transfers/posting.ts';
import { listDueHolds, type DueHold } from './holds.store.ts';

const AT_ONCE = 500;

const expired = counter('holds_expired_total', 'Holds that were released as their time was over', ['shard']);

/**
 * Releases the holds of a shard whose time is over, through the same queue as everything else, and returns how many. That a hold is too old to be
 * captured does not wait for this: the ledger looks at its time itself.
 */
export async function expireHolds(shard: Shard, poster: Poster): Promise<number> {
  let total = 0;
  for (;;) {
    const due = await listDueHolds(shard, AT_ONCE);
    if (due.length === 0) return total;
    const answers = await poster.postMany(shard, due.map((hold) => expiryOf(hold, Date.now())));
    const released = answers.filter((answer) => !(answer instanceof Problem) && answer.outcome === 'posted').length;
    expired.inc({ shard: shard.number }, released);
    total += released;
    // Others were captured or voided meanwhile, or could not be worked on: the next turn sees to what is left.
    if (released < AT_ONCE) {
      if (released < due.length) log.info('not every due hold was released', { 'holdfast.shard': shard.number, due: due.length, released });
      return total;
    }
  }
}

function expiryOf(hold: DueHold, now_ms: number): ReleasePosting {
  return {
    operation: 'expire', holdId: hold.id, debitAccount: hold.debit_account, creditAccount: hold.credit_account,
    // A key of its own each time: a refusal of now must not be the answer of later.
    scope: 'system', key: `expire ${hold.id} ${now_ms}`, bucket: bucketOf(hold.id), requestHash: hashOfRequest('expire', [hold.id]),
    owner: undefined, actor: 'transactions', traceparent: undefined,
  };
}
