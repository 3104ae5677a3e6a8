import { currentTraceparent } from '@holdfast/kit/trace';
import type { Shard } from '../shards/shard.ts';
import { newAccountId, type AccountId } from './account-id.ts';
import { findSystemAccount, openAccount } from './accounts.store.ts';

export type Purpose = 'cash-in' | 'cash-out' | 'fees' | 'in-transit';

/**
 * On which side each grows. What comes in is held for us (debit), what went out, what we earned and what is on its way stands on the other.
 * Only what is in transit may be either: money may arrive in one shard before its sending is counted in another.
 */
const kinds: Readonly<Record<Purpose, { normalSide: 'debit' | 'credit'; overdraftLimitMinor: bigint | null }>> = {
  'cash-in': { normalSide: 'debit', overdraftLimitMinor: 0n },
  'cash-out': { normalSide: 'credit', overdraftLimitMinor: 0n },
  'fees': { normalSide: 'credit', overdraftLimitMinor: 0n },
  'in-transit': { normalSide: 'credit', overdraftLimitMinor: null },
};

/** The ledger's own accounts: one a purpose, currency and shard. */
export class SystemAccounts {
  private readonly known = new Map<string, AccountId>();

  /**
   * Made when a shard first needs it. Two that make it at once find the same one. It stays on its shard whatever becomes of the bucket in its
   * id, so it is never looked for by it.
   */
  async of(shard: Shard, purpose: Purpose, currency: string, bucket: number): Promise<AccountId> {
    const name = `${shard.number} ${purpose} ${currency}`;
    const known = this.known.get(name);
    if (known) return known;
    const owner = `system:${purpose}`;
    const id = await findSystemAccount(shard, owner, currency) ?? await this.open(shard, purpose, currency, bucket) ?? await findSystemAccount(shard, owner, currency);
    if (!id) throw new Error(`shard ${shard.number} has no account ${owner} in ${currency}, and takes none`);
    this.known.set(name, id);
    return id;
  }

  /** Null if somebody else has just opened it. */
  private async open(shard: Shard, purpose: Purpose, currency: string, bucket: number): Promise<AccountId | null> {
    const { account_id: id } = await openAccount(shard, {
      id: newAccountId(bucket), bucket, owner: `system:${purpose}`, name: undefined, metadata: undefined, currency, kind: 'system', ...kinds[purpose],
      actor: 'transactions', traceparent: currentTraceparent(), claim: undefined,
    });
    return id;
  }
}
