import type { CallerOf } from '@holdfast/kit/authentication';
import { bucketOf, bucketOfSubject, type AccountId, type HoldId, type TransferId } from '../accounts/account-id.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';

/** As whom a caller moves money, and on which shard. */
export interface Standing {
  readonly home: Shard;
  /** Of the person or account at home there: ids and keys that are made carry it. */
  readonly bucket: number;
  /** Whose idempotency keys count. */
  readonly scope: string;
  /** Whose money may be moved; undefined for operators. */
  readonly owner: string | undefined;
}

export function isOperator(caller: CallerOf): boolean {
  return caller.roles.includes('operator');
}

/**
 * A customer moves his own money, at home. An operator moves anybody's, where it is: beside the first account that he names. A key lives in the
 * transaction that moves the money, on that shard: so his key is one for that account, and the same key for another account is another key.
 */
export function standingOf(ledger: Ledger, caller: CallerOf, anchor: AccountId | undefined): Standing {
  if (anchor !== undefined && isOperator(caller)) {
    return { home: ledger.shardOf(anchor), bucket: bucketOf(anchor), scope: `${caller.subject} ${anchor}`, owner: undefined };
  }
  const bucket = bucketOfSubject(caller.subject);
  return { home: ledger.shardOfBucket(bucket), bucket, scope: caller.subject, owner: isOperator(caller) ? undefined : caller.subject };
}

/** Of one who acts on something that is there: on its shard, with keys that are his for it alone. */
export function standingBeside(ledger: Ledger, caller: CallerOf, thing: TransferId | HoldId | AccountId, does: string): Standing {
  return { home: ledger.shardOf(thing), bucket: bucketOf(thing), scope: `${caller.subject} ${does} ${thing}`, owner: isOperator(caller) ? undefined : caller.subject };
}
