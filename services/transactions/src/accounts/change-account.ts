import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { currentTraceparent } from '@holdfast/kit/trace';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { refusalCode, type LedgerRefusal } from '../transfers/refusals.ts';
import { isOperator } from '../transfers/standing.ts';
import { bucketOf, parseAccountId, type AccountId } from './account-id.ts';
import type { Account } from './account.schema.ts';
import { changeAccount, findAccount, type AccountChange } from './accounts.store.ts';
import { shownAccount } from './accounts.ts';

const MARKED_MAX_MS = 500;
const MARKED_POLL_MS = 50;

/**
 * Freezes, closes and describes accounts. Each change names the state that it leads to, so repeating it is harmless and needs no key. Who may
 * make which change is for the routes to say; that a customer changes his own account only is seen to here.
 */
export class ChangeAccount {
  private readonly ledger: Ledger;
  private readonly onChanged: (shard: Shard) => void;

  constructor(ledger: Ledger, onChanged: (shard: Shard) => void) {
    this.ledger = ledger;
    this.onChanged = onChanged;
  }

  async change(caller: CallerOf, id: string, change: AccountChange, to: { limitMinor?: bigint | null; metadata?: string | undefined } = {}): Promise<Account | Refusal<LedgerRefusal>> {
    const accountId = parseAccountId(id);
    if (!accountId) return refuse('account_unknown');
    const shard = this.ledger.shardOf(accountId);
    const ask = (): Promise<string> => changeAccount(shard, {
      id: accountId, bucket: bucketOf(accountId), change, ...to, owner: isOperator(caller) ? undefined : caller.subject, actor: caller.subject, traceparent: currentTraceparent(),
    });
    let outcome = await ask();
    // What went to another shard, and has arrived there, is marked a moment later; until then it might come back, as far as the account's own shard knows.
    for (const deadline = performance.now() + MARKED_MAX_MS; outcome === 'account_not_empty' && performance.now() < deadline && await isEmpty(shard, accountId);) {
      await sleep(MARKED_POLL_MS);
      outcome = await ask();
    }
    if (outcome !== 'posted') return refuse(refusalCode(outcome));
    this.onChanged(shard);
    const row = await findAccount(shard, accountId);
    return row ? shownAccount(row) : refuse('bucket_moved');
  }
}

async function isEmpty(shard: Shard, id: AccountId): Promise<boolean> {
  return (await findAccount(shard, id))?.balance_minor === 0n;
}
