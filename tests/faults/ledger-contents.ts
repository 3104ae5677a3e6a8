/** What stands in the ledger after a run, read from the leaders of all shards. Amounts are minor units, credits above zero. */
export interface Contents {
  readonly accounts: readonly AccountRow[];
  readonly transfers: readonly TransferRow[];
  readonly entries: readonly EntryRow[];
  readonly keys: readonly KeyRow[];
  readonly holds: readonly HoldRow[];
  /** Ids of transfers whose other half has been decided neither way yet. */
  readonly underWay: readonly string[];
  /** Of everything that a shard holds, a row a currency. */
  readonly sums: readonly { readonly shard: number; readonly currency: string; readonly balancesMinor: bigint; readonly entriesMinor: bigint }[];
}

export interface AccountRow {
  readonly shard: number;
  readonly id: string;
  readonly owner: string;
  readonly kind: 'customer' | 'system';
  readonly normalSide: 'debit' | 'credit';
  readonly currency: string;
  readonly balanceMinor: bigint;
  readonly heldMinor: bigint;
  /** Undefined: without limit. */
  readonly overdraftLimitMinor: bigint | undefined;
  readonly version: number;
}

/**
 * A transfer to another shard is there twice, under one id: what left the one, and (kind `transit_in`) what came to the other. If it found
 * no way in, a `transit_return` reverses the first.
 */
export interface TransferRow {
  readonly shard: number;
  readonly id: string;
  readonly kind: string;
  readonly reference: string | undefined;
  readonly reverses: string | undefined;
  readonly hold: string | undefined;
}

export interface HoldRow {
  readonly shard: number;
  readonly id: string;
  readonly debitAccount: string;
  readonly creditAccount: string;
  readonly amountMinor: bigint;
  readonly capturedMinor: bigint;
  readonly status: 'open' | 'captured' | 'voided' | 'expired';
  readonly reference: string | undefined;
}

export interface EntryRow {
  readonly shard: number;
  readonly account: string;
  readonly version: number;
  readonly transfer: string;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly balanceAfterMinor: bigint;
}

export interface KeyRow {
  readonly shard: number;
  readonly scope: string;
  readonly key: string;
  readonly outcome: string;
  readonly subjectId: string;
}
