import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import type { Ledger } from '../shards/ledger.ts';
import { refusalCode, type LedgerRefusal } from '../transfers/refusals.ts';
import { isOperator } from '../transfers/standing.ts';
import { bucketOf, parseAccountId } from './account-id.ts';
import type { Account } from './account.schema.ts';
import { changeAccount, findAccount, type AccountChange } from './accounts.store.ts';
import { shownAccount } from './accounts.ts';

/**
 * Freezes, closes and describes accounts. Each change names the state that it leads to, so repeating it is harmless and needs no key. Who may
 * make which change is for the routes to say; that a customer changes his own account only is seen to here.
 */
export class ChangeAccount {
  private readonly ledger: Ledger;
  private readonly onChanged: (shard: ReturnType<Ledger['shardOf']>) => void;

  constructor(ledger: Ledger, onChanged: (shard: ReturnType<Ledger['shardOf']>) => void) {
    this.ledger = ledger;
    this.onChanged = onChanged;
  }

  async change(caller: CallerOf, id: string, change: AccountChange, to: { limitMinor?: bigint | null; metadata?: string | undefined } = {}): Promise<Account | Refusal<LedgerRefusal>> {
    const accountId = parseAccountId(id);
    if (!accountId) return refuse('account_unknown');
    const shard = this.ledger.shardOf(accountId);
    const outcome = await changeAccount(shard, {
      id: accountId, bucket: bucketOf(accountId), change, ...to, owner: isOperator(caller) ? undefined : caller.subject, actor: caller.subject, traceparent: currentTraceparent(),
    });
    if (outcome !== 'posted') return refuse(refusalCode(outcome));
    this.onChanged(shard);
    const row = await findAccount(shard, accountId);
    return row ? shownAccount(row) : refuse('bucket_moved');
  }
}
