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
  | { readonly kind: 'split'; readonly from: Place; readonly parts: readonly Part[] }
  | { readonly kind: 'batch'; readonly from: Place; readonly parts: readonly Part[] }
  | { readonly kind: 'deposit'; readonly to: Place; readonly amountMinor: bigint }
  | { readonly kind: 'hold'; readonly from: Place; readonly to: Place; readonly amountMinor: bigint }
  /** Of those that the client knows by then, the one that the number falls on. */
  | { readonly kind: 'capture'; readonly which: number; readonly percent: number }
  | { readonly kind: 'void' | 'reverse'; readonly which: number }
  | { readonly kind: 'look'; readonly at: Place };

export interface Part {
  readonly to: Place;
  readonly amountMinor: bigint;
}

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
  const account = Number(random.weighted({ 0: 55, 1: 30, 2: 15 }));
  const which = random.between(0, 1_000_000);
  const amount = (most: number): bigint => BigInt(random.between(1, most));
  if (customer === undefined) return actionOfOperator(random, anywhere(account), which);
  const from = { customer, account };
  const parts = (count: number): Part[] => Array.from({ length: count }, () => ({ to: anywhere(account), amountMinor: amount(100) }));
  switch (random.weighted({
    to_anybody: 36, to_himself: 14, too_much: 5, all_to_one: 10, other_currency: 1, same_account: 1, to_nobody: 1, split: 5, batch: 3, hold: 8, capture: 6, void: 2, reverse: 2, look: 6,
  })) {
    case 'to_anybody': return { kind: 'transfer', from, to: anywhere(account), amountMinor: amount(300) };
    case 'to_himself': return { kind: 'transfer', from, to: { customer, account: account === 0 ? 1 : 0 }, amountMinor: amount(300) };
    case 'too_much': return { kind: 'transfer', from, to: anywhere(account), amountMinor: 5_000n + amount(50_000_000) };
    case 'all_to_one': return { kind: 'transfer', from, to: { customer: 0, account }, amountMinor: amount(50) };
    case 'other_currency': return { kind: 'transfer', from, to: anywhere(account === 2 ? 0 : 2), amountMinor: 1n };
    case 'same_account': return { kind: 'transfer', from, to: from, amountMinor: 1n };
    case 'to_nobody': return { kind: 'transfer', from, to: 'nobody', amountMinor: 1n };
    case 'split': return { kind: 'split', from, parts: parts(random.between(2, 4)) };
    case 'batch': return { kind: 'batch', from, parts: parts(random.between(2, 20)) };
    case 'hold': return { kind: 'hold', from, to: anywhere(account), amountMinor: amount(300) };
    case 'capture': return { kind: 'capture', which, percent: random.pick([100, 100, 60, 1, 150]) };
    case 'void': return { kind: 'void', which };
    case 'reverse': return { kind: 'reverse', which };
    case 'look': return { kind: 'look', at: from };
  }
}

function actionOfOperator(random: Random, place: Place, which: number): Action {
  switch (random.weighted({ deposit: 70, capture: 5, void: 5, reverse: 10, look: 10 })) {
    case 'deposit': return { kind: 'deposit', to: place, amountMinor: BigInt(random.between(1, 2_000)) };
    case 'capture': return { kind: 'capture', which, percent: 50 };
    case 'void': return { kind: 'void', which };
    case 'reverse': return { kind: 'reverse', which };
    case 'look': return { kind: 'look', at: place };
  }
}
