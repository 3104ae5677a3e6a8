import type { CallerOf } from '@holdfast/kit/authentication';
import { refuse, type Refusal } from '@holdfast/kit/problem';
import { parseHoldId, type AccountId } from '../accounts/account-id.ts';
import { findAccount } from '../accounts/accounts.store.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import { isOperator } from '../transfers/standing.ts';
import type { Hold } from './hold.schema.ts';
import { findHold, type HoldRow } from './holds.store.ts';

/** A hold with the owners of both its accounts, wherever these are. */
export type FoundHold = HoldRow & { readonly debit_owner: string; readonly credit_owner: string };

/** Finding holds, for who may see them: payer, payee and operators. For others they are not there. */
export class Holds {
  private readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  async show(caller: CallerOf, id: string): Promise<Hold | Refusal<LedgerRefusal>> {
    const row = await this.find(caller, id);
    return row ? shownHold(row) : refuse('hold_unknown');
  }

  async find(caller: CallerOf, id: string): Promise<FoundHold | undefined> {
    const holdId = parseHoldId(id);
    if (!holdId) return undefined;
    for (const shard of this.ledger.historyOf(holdId)) {
      const row = await findHold(shard, holdId);
      if (!row) continue;
      const hold = { ...row, debit_owner: row.debit_owner ?? await this.ownerOf(row.debit_account), credit_owner: row.credit_owner ?? await this.ownerOf(row.credit_account) };
      return isOperator(caller) || hold.debit_owner === caller.subject || hold.credit_owner === caller.subject ? hold : undefined;
    }
    return undefined;
  }

  private async ownerOf(account: AccountId): Promise<string> {
    return (await findAccount(this.ledger.shardOf(account), account))?.owner ?? '';
  }
}

export function shownHold(row: HoldRow): Hold {
  return {
    id: row.id, status: row.status, debit_account: row.debit_account, credit_account: row.credit_account, amount: row.amount_minor.toString(),
    captured: row.captured_minor.toString(), currency: row.currency as Hold['currency'], expires_at: row.expires_at, reference: row.reference,
    external_reference: row.external_reference, metadata: row.metadata, created_at: row.created_at, closed_at: row.closed_at,
  };
}
