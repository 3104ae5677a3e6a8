import { Random } from './random.ts';

/** The clients of a run: so many customers with these accounts each, so many of them at work for each customer, and one operator. */
export const CUSTOMERS = 8;
export const ACCOUNTS = ['EUR', 'EUR', 'USD'] as const;
const WORKERS_EACH = 2;

/** An account by its place: whose, and which. The ids are made by the platform, so the seed cannot know them. */
export interface Place {
  readonly customer: number;
  readonly account: number;
}

export type Action =
  | { readonly kind: 'transfer'; readonly from: Place; readonly to: Place | 'nobody'; readonly amountMinor: bigint }
  | { readonly kind: 'deposit'; readonly to: Place; readonly amountMinor: bigint }
  | { readonly kind: 'look'; readonly at: Place };

/**
 * How often the request is sent. once: and again only if the outcome is not known. again: once more after the answer. at_once: several
 * times at the same time. other_body: at the same time, or after the answer, with another amount under the same key.
 */
export type Manner = 'once' | 'again' | 'at_once' | 'other_body';

export interface Command {
  readonly action: Action;
  readonly manner: Manner;
  /** How often at the same time, where the manner says so. */
  readonly copies: number;
  /** Whether the client asks until it knows. Some give up: then the ledger alone says what became of it. */
  readonly insists: boolean;
  readonly pauseMs: number;
}

/** Each is one client: it works through its commands one after the other. Number 0 is the operator. */
export const WORKERS = Array.from({ length: CUSTOMERS * WORKERS_EACH + 1 }, (_, worker) => worker);

/** Whom a worker works for; undefined for the operator. */
export function customerOf(worker: number): number | undefined {
  return worker === 0 ? undefined : (worker - 1) % CUSTOMERS;
}

/** What a client does, without end: a pure function of the seed and its number. How far it gets is a matter of time. */
export function* commandsOf(seed: number, worker: number): Generator<Command, never> {
  const random = new Random(`${seed}/client/${worker}`);
  for (;;) {
    const manner = random.weighted({ once: 70, again: 12, at_once: 12, other_body: 6 });
    yield {
      action: actionOf(random, customerOf(worker)),
      manner,
      copies: random.between(2, 4),
      insists: random.chance(0.8),
      pauseMs: random.between(50, 450),
    };
  }
}

function actionOf(random: Random, customer: number | undefined): Action {
  const anywhere = (account: number): Place => ({ customer: random.between(0, CUSTOMERS - 1), account });
  const account = random.weighted({ 0: 55, 1: 30, 2: 15 });
  if (customer === undefined) return { kind: 'deposit', to: anywhere(Number(account)), amountMinor: BigInt(random.between(1, 2_000)) };
  const from = { customer, account: Number(account) };
  switch (random.weighted({ to_anybody: 45, to_himself: 20, too_much: 6, all_to_one: 12, other_currency: 2, same_account: 2, to_nobody: 2, look: 11 })) {
    case 'to_anybody': return { kind: 'transfer', from, to: anywhere(from.account), amountMinor: BigInt(random.between(1, 300)) };
    case 'to_himself': return { kind: 'transfer', from, to: { customer, account: from.account === 0 ? 1 : 0 }, amountMinor: BigInt(random.between(1, 300)) };
    case 'too_much': return { kind: 'transfer', from, to: anywhere(from.account), amountMinor: BigInt(random.between(5_000, 50_000_000)) };
    case 'all_to_one': return { kind: 'transfer', from, to: { customer: 0, account: from.account }, amountMinor: BigInt(random.between(1, 50)) };
    case 'other_currency': return { kind: 'transfer', from, to: anywhere(from.account === 2 ? 0 : 2), amountMinor: 1n };
    case 'same_account': return { kind: 'transfer', from, to: from, amountMinor: 1n };
    case 'to_nobody': return { kind: 'transfer', from, to: 'nobody', amountMinor: 1n };
    case 'look': return { kind: 'look', at: from };
  }
}
