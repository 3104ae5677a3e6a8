import type { CallerOf } from '@holdfast/kit/authentication';
import { Problem, refuse, unavailable, type Refusal } from '@holdfast/kit/problem';
import { parseTransferId, type TransferId } from '../accounts/account-id.ts';
import { findAccount } from '../accounts/accounts.store.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { shownTransfer } from './prepare-transfer.ts';
import { arrivalIdOf } from '../transit/arrival-id.ts';
import { refusalCode, type LedgerRefusal } from './refusals.ts';
import { isOperator } from './standing.ts';
import type { Transfer } from './transfer.schema.ts';
import { findTransfer, type LegRow, type TransferRow } from './transfers.store.ts';

const statuses = { sent: 'pending', settled: 'posted', returned: 'returned' } as const;

export class ShowTransfer {
  private readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  /** Only its parties, and operators, may see a transfer; for others it is not there. */
  async show(caller: CallerOf, id: string): Promise<Transfer | Refusal<LedgerRefusal>> {
    const transferId = parseTransferId(id);
    const row = transferId && await this.find(transferId);
    if (!row || !mayKnow(caller, row)) return refuse('transfer_unknown');
    const seesAll = isOperator(caller) || row.legs.some((leg) => leg.owner === caller.subject && isDebit(leg));
    const currencies = new Set(row.legs.map(({ currency }) => currency));
    return {
      ...shownTransfer({
        id: row.id, kind: row.kind, status: row.state === null ? 'posted' : statuses[row.state],
        legs: row.legs.filter((leg) => seesAll || isDebit(leg) || leg.owner === caller.subject).map(({ account, amount }) => ({ account, amountMinor: BigInt(amount) })),
        currency: currencies.size === 1 ? [...currencies][0] ?? null : null,
        reference: row.reference, externalReference: row.external_reference, metadata: row.metadata,
        reverses: row.reverses, reversedBy: row.reversed_by, hold: row.hold_id, postedAt: row.created_at,
      }),
      ...(row.refusal !== null && { refusal: refusalCode(row.refusal) }),
    };
  }

  /**
   * With the owner of every account, wherever it is by now. What went to another shard is told as what it was, and not as a credit of the
   * account in transit. Everybody's: who asks is for the caller to judge.
   */
  async find(id: TransferId): Promise<TransferRow | undefined> {
    const found = await this.written(id);
    if (!found) return undefined;
    const { row, shard } = found;
    const here = row.outgoing ? row.legs.filter(({ owner }) => owner !== 'system:in-transit') : row.legs;
    const currency = row.legs[0]?.currency ?? '';
    const there = (row.outgoing ?? []).map(({ account, amount }) => ({ account, amount, currency, owner: null, kind: null }));
    const [legs, arrival] = await Promise.all([Promise.all([...here, ...there].map((leg) => this.withOwner(leg))), this.arrivalOf(row, shard)]);
    // What has arrived is marked a moment later, and what has gone to another shard is taken back there.
    const state = row.state === 'sent' && arrival ? 'settled' : row.state;
    const postedOn = row.outgoing ? arrival?.postedOn : shard;
    return { ...row, state, legs, reversed_by: row.reversed_by ?? arrival?.row.reversed_by ?? null, sentFrom: shard, ...(postedOn && { postedOn }) };
  }

  /** Where a transfer is written down. The half of it that arrived has the same id: where its payer has moved to the payee's shard since, both are in his past. */
  private async written(id: TransferId): Promise<{ row: TransferRow; shard: Shard } | undefined> {
    let half: { row: TransferRow; shard: Shard } | undefined;
    for (const shard of this.ledger.historyOf(id)) {
      const row = await findTransfer(shard, id);
      if (row && row.kind !== 'transit_in') return { row, shard };
      if (row) half ??= { row, shard };
    }
    return half;
  }

  /** The second half of what has left a shard, wherever it is written down; undefined if it has not arrived, and while that shard is away. */
  private async arrivalOf({ id, outgoing }: TransferRow, source: Shard): Promise<{ row: TransferRow; postedOn: Shard } | undefined> {
    const [first] = outgoing ?? [];
    if (!first) return undefined;
    for (const shard of this.ledger.historyOf(first.account)) {
      const row = await unlessAway(findTransfer(shard, shard === source ? arrivalIdOf(id) : id));
      if (row?.kind === 'transit_in') return { row, postedOn: shard };
    }
    return undefined;
  }

  private async withOwner(leg: LegRow): Promise<LegRow> {
    if (leg.owner !== null) return leg;
    try {
      const account = await findAccount(this.ledger.shardOf(leg.account), leg.account);
      return account ? { ...leg, owner: account.owner, kind: account.kind } : leg;
    } catch (cause) {
      if (!isUnavailable(cause)) throw cause;
      return { ...leg, isAway: true };
    }
  }
}

/** Whether a transfer is any business of the caller's. Throws if only a shard that is away could tell: a refusal would be a lie to its parties. */
export function mayKnow(caller: CallerOf, { legs }: TransferRow): boolean {
  if (isOperator(caller) || legs.some(({ owner }) => owner === caller.subject)) return true;
  if (legs.some(({ isAway }) => isAway)) throw unavailable('ledger_unavailable', 'The shard of one of its accounts does not answer at the moment', { retryAfter_s: 2 });
  return false;
}

export function isDebit(leg: LegRow): boolean {
  return leg.amount.startsWith('-');
}

/** A transfer can be looked at from its own shard while the other one is away; what only that one knows is then left out. */
async function unlessAway<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (cause) {
    if (isUnavailable(cause)) return undefined;
    throw cause;
  }
}

function isUnavailable(cause: unknown): boolean {
  return cause instanceof Problem && cause.status === 503;
}
