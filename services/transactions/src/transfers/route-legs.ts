import { MAX_MINOR } from '@holdfast/kit/money';
import { bucketOf, parseAccountId, type AccountId } from '../accounts/account-id.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import type { Ledger } from '../shards/ledger.ts';
import type { Shard } from '../shards/shard.ts';
import { LEGS_MAX, type Leg } from './posting.ts';
import type { LedgerRefusal } from './refusals.ts';
import { FEES } from './transfer.schema.ts';

export interface WantedLeg {
  /** As the client named it: in lower case, the id of an account or `fees`. */
  readonly account: string;
  readonly amountMinor: bigint;
}

/** Legs as they are posted on one shard. */
export interface Routed {
  /** What was wanted, with every account by its id: for the answer. */
  readonly wanted: readonly Leg[];
  readonly legs: readonly Leg[];
  /** Credits on another shard: `legs` then credits the account in transit with their sum. */
  readonly outgoing: readonly Leg[] | undefined;
}

export interface Route {
  readonly home: Shard;
  /** With which bucket a system account is made, if there is none yet. */
  readonly bucket: number;
  readonly currency: string | undefined;
  /** Whose money may be moved; undefined for operators, who may also name the account of fees. */
  readonly owner: string | undefined;
}

/**
 * Finds the shard of every leg of a transfer. All debits are at home: a customer's accounts share his shard. Credits are at home, or all of them on one
 * other shard: the money then goes through the account in transit, and src/transit brings it to its end. Some here and some there would not be all or
 * nothing: what was credited here could be spent by the time the other shard refuses. What this finds is a refusal before the ledger is asked, which is
 * kept under the key.
 */
export class RouteLegs {
  private readonly ledger: Ledger;
  private readonly systemAccounts: SystemAccounts;

  constructor(ledger: Ledger, systemAccounts: SystemAccounts) {
    this.ledger = ledger;
    this.systemAccounts = systemAccounts;
  }

  /** At once if all is plain, which is what nearly every transfer is: between known accounts at home. */
  of(wanted: readonly WantedLeg[], route: Route): Routed | LedgerRefusal | Promise<Routed | LedgerRefusal> {
    if (wanted.length < 2) return 'too_few_legs';
    if (wanted.length > LEGS_MAX) return 'too_many_legs';
    const legs: Leg[] = [];
    let areAllHere = true;
    for (const { account, amountMinor } of wanted) {
      const id = parseAccountId(account);
      if (id) {
        areAllHere &&= this.ledger.shardOf(id) === route.home;
        legs.push({ account: id, amountMinor });
      } else if (account === FEES && route.owner === undefined) {
        return this.withFees(wanted, route);
      } else {
        return 'account_unknown';
      }
    }
    return areAllHere ? { wanted: legs, legs, outgoing: undefined } : this.across(legs, route, undefined);
  }

  /** Whether an account is to be found on another shard. */
  isElsewhere(account: AccountId, home: Shard): boolean {
    return this.ledger.shardOf(account) !== home;
  }

  /** Every shard has an account of fees: what is credited to it is, beside the other credits; what it gives back is at home. */
  private async withFees(wanted: readonly WantedLeg[], route: Route): Promise<Routed | LedgerRefusal> {
    if (route.currency === undefined) return 'currency_missing';
    const place = wanted.find(({ account }) => account === FEES);
    const elsewhere = wanted.flatMap(({ account, amountMinor }) => (amountMinor > 0n ? parseAccountId(account) ?? [] : [])).find((id) => this.isElsewhere(id, route.home));
    const shard = place && place.amountMinor > 0n && elsewhere ? this.ledger.shardOf(elsewhere) : route.home;
    const fees = await this.systemAccounts.of(shard, 'fees', route.currency, elsewhere && shard !== route.home ? bucketOf(elsewhere) : route.bucket);
    const legs: Leg[] = [];
    for (const { account, amountMinor } of wanted) {
      const id = account === FEES ? fees : parseAccountId(account);
      if (!id) return 'account_unknown';
      legs.push({ account: id, amountMinor });
    }
    return this.across(legs, route, { account: fees, shard });
  }

  /** The id of a system account says nothing of its place: `known` does. */
  private async across(legs: readonly Leg[], route: Route, known: { account: AccountId; shard: Shard } | undefined): Promise<Routed | LedgerRefusal> {
    const outgoing: Leg[] = [];
    const shards = new Set<Shard>();
    for (const leg of legs) {
      const shard = leg.account === known?.account ? known.shard : this.ledger.shardOf(leg.account);
      if (shard === route.home) continue;
      // All accounts of a person are at home: one that is elsewhere is none of his.
      if (leg.amountMinor < 0n) return route.owner === undefined ? 'too_many_shards' : 'account_unknown';
      outgoing.push(leg);
      shards.add(shard);
    }
    if (outgoing.length === 0) return { wanted: legs, legs, outgoing: undefined };
    const local = legs.filter((leg) => !outgoing.includes(leg));
    if (shards.size > 1 || local.some(({ amountMinor }) => amountMinor > 0n)) return 'too_many_shards';
    if (route.currency === undefined) return 'currency_missing';
    if (outgoing.some(({ amountMinor }) => amountMinor === 0n)) return 'leg_zero';
    if (new Set(outgoing.map(({ account }) => account)).size < outgoing.length) return 'same_account';
    const sumMinor = outgoing.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
    if (sumMinor > MAX_MINOR) return 'balance_too_large';
    // The shard is found by the first of them; the account of fees says nothing of it.
    outgoing.sort((one, other) => Number(one.account === known?.account) - Number(other.account === known?.account));
    const inTransit = await this.systemAccounts.of(route.home, 'in-transit', route.currency, route.bucket);
    return { wanted: legs, legs: [...local, { account: inTransit, amountMinor: sumMinor }], outgoing };
  }
}
