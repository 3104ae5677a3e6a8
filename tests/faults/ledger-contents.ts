/** What stands in the ledger after a run, read from the leaders of all shards. Amounts are minor units, credits above zero. */
export interface Contents {
  readonly accounts: readonly AccountRow[];
  readonly transfers: readonly TransferRow[];
  readonly entries: readonly EntryRow[];
  readonly keys: readonly KeyRow[];
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

export interface TransferRow {
  readonly shard: number;
  readonly id: string;
  readonly kind: string;
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
