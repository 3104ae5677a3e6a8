import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { newAccountId, newHoldId, newTransferId, type AccountId, type HoldId } from '../accounts/account-id.ts';
import type { Account, Hold } from './decide-posting.ts';
import { hashOfRequest } from './idempotency.ts';
import type { ModelBooks } from './model-books.ts';
import type { Leg, Posting, TransferPosting } from './posting.ts';

const BUCKET = 7;

const EUR = 'EUR', USD = 'USD', MAX = 9_223_372_036_854_775_807n;

/** What a random command says; small numbers that name accounts, holds and postings of its world by their place, so that it shrinks. */
export type Command =
  | { do: 'transfer'; moves: { from: number; to: number; amountMinor: bigint }[]; excessMinor: bigint; by: number; currency: string | undefined; refused: boolean }
  | { do: 'hold'; from: number; to: number; amountMinor: bigint; by: number; currency: string; ends: 'later' | 'before' }
  | { do: 'capture'; hold: number; amountMinor: bigint | undefined; by: number }
  | { do: 'void' | 'expire'; hold: number; by: number }
  | { do: 'reverse'; posting: number; by: number; bent: boolean }
  | { do: 'send'; from: number; amountMinor: bigint; by: number; backTo: number }
  | { do: 'receive'; to: number; amountMinor: bigint }
  | { do: 'return'; posting: number }
  | { do: 'again'; posting: number; otherBody: boolean };

/** What changes an account or the time itself, between two batches. */
export type Turn =
  | { do: 'freeze' | 'thaw' | 'close'; account: number }
  | { do: 'time_passes'; hold: number };

// Mostly somebody who has money in EUR.
const place = fc.oneof(fc.nat(13), fc.constantFrom(0, 3, 5, 1));
const amount = fc.oneof({ weight: 12, arbitrary: fc.bigInt({ min: 1n, max: 120n }) }, { weight: 1, arbitrary: fc.constantFrom(0n, MAX, MAX - 50n) });
const by = fc.constantFrom(-1, -1, -1, 0, 1, 2);
const currency = fc.constantFrom(undefined, undefined, EUR, USD);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({
    do: fc.constant('transfer' as const),
    moves: fc.oneof({ weight: 3, arbitrary: fc.array(fc.record({ from: place, to: place, amountMinor: amount }), { minLength: 1, maxLength: 1 }) },
      { weight: 2, arbitrary: fc.array(fc.record({ from: place, to: place, amountMinor: amount }), { maxLength: 3 }) }),
    excessMinor: fc.constantFrom(0n, 0n, 0n, 0n, 0n, 0n, 0n, 3n), by, currency, refused: fc.constantFrom(false, false, false, false, false, false, false, true),
  }) },
  { weight: 5, arbitrary: fc.record({
    do: fc.constant('hold' as const), from: place, to: place, amountMinor: fc.oneof(fc.bigInt({ min: 1n, max: 60n }), amount), by, currency: fc.constantFrom(EUR, EUR, EUR, USD), ends: fc.constantFrom('later' as const, 'later' as const, 'later' as const, 'before' as const),
  }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('capture' as const), hold: fc.nat(2), amountMinor: fc.option(amount, { nil: undefined }), by }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('void' as const, 'expire' as const), hold: fc.nat(2), by }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reverse' as const), posting: fc.nat(9), by, bent: fc.constantFrom(false, false, false, false, true) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('send' as const), from: place, amountMinor: amount, by, backTo: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('receive' as const), to: place, amountMinor: amount }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return' as const), posting: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), posting: fc.nat(5), otherBody: fc.boolean() }) },
);

const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('freeze' as const, 'thaw' as const, 'thaw' as const, 'close' as const), account: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time_passes' as const), hold: fc.nat(2) }) },
);

/** A run is a number of batches; between two of them somebody may freeze an account, or time may pass. */
export const runs = (batches: { minLength: number; maxLength: number }) => fc.array(
  fc.record({ turns: fc.array(turn, { maxLength: 1 }), commands: fc.array(command, { minLength: 1, maxLength: 12 }) }), batches);

/** Accounts of three people and the platform, with policies of every kind, and what has been asked of them. */
export class World {
  readonly run = randomUUID();
  readonly accounts: AccountId[] = [];
  readonly postings: Posting[] = [];
  private readonly inTransit: AccountId;

  private constructor(inTransit: AccountId) {
    this.inTransit = inTransit;
  }

  static async make(open: (owner: string, more: Partial<Account>) => AccountId | Promise<AccountId>, inTransit: AccountId): Promise<World> {
    const world = new World(inTransit);
    const kinds: [owner: string, more: Partial<Account>][] = [
      ['p0', {}], ['p0', {}], ['p0', { currency: USD }], ['p1', {}], ['p1', { currency: USD }], ['p1', { overdraftLimitMinor: 40n }], ['p2', { overdraftLimitMinor: undefined }],
      ['p2', { status: 'frozen' }], ['p2', { currency: USD, overdraftLimitMinor: MAX }],
      ['system:cash', { kind: 'system', normalSide: 'debit' }], ['system:usd-cash', { kind: 'system', normalSide: 'debit', currency: USD, overdraftLimitMinor: undefined }],
    ];
    for (const [owner, more] of kinds) world.accounts.push(await open(`${owner} ${world.run}`, more));
    // One that was never opened, and the one in transit, named by somebody who should not.
    world.accounts.push(newAccountId(BUCKET), inTransit);
    return world;
  }

  /** From cash to everybody, so that there is something to move. */
  endowment(): Posting[] {
    const [cash, usdCash] = [this.account(9), this.account(10)];
    return [0, 3, 5, 2, 4].map((to) => this.keep({
      ...this.envelope(-1), operation: 'transfer', kind: 'deposit', transferId: newTransferId(BUCKET),
      legs: [{ account: to === 2 || to === 4 ? usdCash : cash, amountMinor: -200n }, { account: this.account(to), amountMinor: 200n }],
    }));
  }

  postingOf(command: Command): Posting {
    return this.keep(this.make(command));
  }

  /** What a turn makes of the model, if it can be taken; whoever holds a database against it does the same there. */
  take(model: ModelBooks, one: Turn): { hold?: Hold; account?: Account } | undefined {
    if (one.do === 'time_passes') {
      const hold = model.holds.get(this.holdOf(one.hold)?.holdId as HoldId);
      if (!hold) return undefined;
      const late = { ...hold, expiresAt: new Date(Date.now() - 1000) };
      model.holds.set(hold.id, late);
      return { hold: late };
    }
    const id = this.account(one.account);
    const account = model.accounts.get(id);
    // The one in transit outlives the run.
    if (!account || id === this.inTransit || (one.do === 'close' && (account.balanceMinor !== 0n || account.heldMinor !== 0n))) return undefined;
    const changed = { ...account, status: one.do === 'freeze' ? 'frozen' as const : one.do === 'thaw' ? 'open' as const : 'closed' as const };
    model.accounts.set(id, changed);
    return { account: changed };
  }

  account(index: number): AccountId {
    return this.accounts[index % this.accounts.length] ?? this.inTransit;
  }

  private holdOf(index: number): (Posting & { operation: 'hold' }) | undefined {
    const holds = this.postings.filter((posting) => posting.operation === 'hold');
    return holds.length === 0 ? undefined : holds[(holds.length - 1 - index % holds.length)];
  }

  private keep(posting: Posting): Posting {
    this.postings.push(posting);
    return posting;
  }

  private make(command: Command): Posting {
    switch (command.do) {
      case 'transfer': return this.transfer(legsOf(command.moves.map((move) => ({ ...move, from: this.account(move.from), to: this.account(move.to) })), command.excessMinor), command.by, {
        currency: command.currency, refusal: command.refused ? 'too_many_shards' : undefined,
      });
      case 'hold': return {
        ...this.envelope(command.by), operation: 'hold', holdId: newHoldId(BUCKET), debitAccount: this.account(command.from), creditAccount: this.account(command.to),
        amountMinor: command.amountMinor, currency: command.currency, expiresAt: new Date(Date.now() + (command.ends === 'later' ? 3_600_000 : -1)),
      };
      case 'capture': return { ...this.envelope(command.by), operation: 'capture', transferId: newTransferId(BUCKET), amountMinor: command.amountMinor, ...this.ofHold(command.hold) };
      case 'void':
      case 'expire': return { ...this.envelope(command.by), operation: command.do, ...this.ofHold(command.hold) };
      case 'reverse': return this.reversal(command.posting, command.by, command.bent);
      case 'send': {
        const legs = [{ account: this.account(command.from), amountMinor: -command.amountMinor }, { account: this.inTransit, amountMinor: command.amountMinor }];
        return this.transfer(legs, command.by, { outgoing: [{ account: newAccountId(900), amountMinor: command.amountMinor }] });
      }
      case 'receive': return this.transfer(
        [{ account: this.inTransit, amountMinor: -command.amountMinor }, { account: this.account(command.to), amountMinor: command.amountMinor }], -1, { kind: 'transit_in', currency: EUR });
      case 'return': {
        const past = this.past((posting) => posting.operation === 'transfer' && posting.outgoing !== undefined, command.posting);
        return this.transfer(negated(past?.legs ?? []), -1, { kind: 'transit_return', reverses: past?.transferId ?? newTransferId(BUCKET), returnedFor: 'account_frozen' });
      }
      case 'again': {
        const past = this.postings[Math.max(0, this.postings.length - 1 - command.posting)];
        if (!past) return this.transfer([], -1);
        const hash = command.otherBody ? hashOfRequest('another', [past.key]) : past.requestHash;
        return 'transferId' in past ? { ...past, requestHash: hash, transferId: newTransferId(BUCKET) } : { ...past, requestHash: hash };
      }
    }
  }

  private reversal(index: number, by: number, bent: boolean): Posting {
    const past = this.past((posting) => posting.operation === 'transfer', index);
    const legs = negated(past?.legs ?? []);
    const [first] = legs;
    if (bent && first) legs[0] = { ...first, amountMinor: first.amountMinor + 1n };
    return this.transfer(legs, by, { kind: 'reversal', reverses: past?.transferId ?? newTransferId(BUCKET) });
  }

  /** Counted from the latest. */
  private past(fits: (posting: Posting) => boolean, index: number): TransferPosting | undefined {
    const found = this.postings.filter(fits) as TransferPosting[];
    return found[found.length - 1 - index % Math.max(1, found.length)];
  }

  private ofHold(index: number): { holdId: HoldId; debitAccount: AccountId; creditAccount: AccountId } {
    const hold = this.holdOf(index);
    return { holdId: hold?.holdId ?? newHoldId(BUCKET), debitAccount: hold?.debitAccount ?? this.account(0), creditAccount: hold?.creditAccount ?? this.account(3) };
  }

  private transfer(legs: readonly Leg[], person: number, more: Partial<TransferPosting> = {}): TransferPosting {
    return { ...this.envelope(person), operation: 'transfer', kind: 'transfer', transferId: newTransferId(BUCKET), legs, ...more };
  }

  private envelope(person: number): Pick<Posting, 'scope' | 'key' | 'bucket' | 'requestHash' | 'owner' | 'actor' | 'traceparent'> {
    const key = randomUUID();
    return {
      scope: `s ${this.run}`, key, bucket: BUCKET, requestHash: hashOfRequest('command', [key]), owner: person < 0 ? undefined : `p${person} ${this.run}`,
      actor: 'somebody', traceparent: undefined,
    };
  }
}

function negated(legs: readonly Leg[]): Leg[] {
  return legs.map(({ account, amountMinor }) => ({ account, amountMinor: -amountMinor }));
}

/** Moves as legs: what goes from one account to several is one leg, and a move to itself names it twice. */
function legsOf(moves: readonly { from: AccountId; to: AccountId; amountMinor: bigint }[], excessMinor: bigint): Leg[] {
  if (moves.length === 1) {
    const [{ from, to, amountMinor }] = moves as [typeof moves[0]];
    return [{ account: from, amountMinor: -amountMinor }, { account: to, amountMinor: amountMinor > MAX - excessMinor ? amountMinor : amountMinor + excessMinor }];
  }
  const sums = new Map<AccountId, bigint>();
  for (const { from, to, amountMinor } of moves) {
    sums.set(from, (sums.get(from) ?? 0n) - amountMinor);
    sums.set(to, (sums.get(to) ?? 0n) + amountMinor);
  }
  return [...sums].map(([account, amountMinor]) => ({ account, amountMinor: amountMinor > MAX ? MAX : amountMinor < -MAX ? -MAX : amountMinor }));
}
