import type { History, Invocation, Reading, Wish } from './history.ts';
import type { AccountRow, Contents, EntryRow, HoldRow, KeyRow, TransferRow } from './ledger-contents.ts';

/** What a run found to be wrong: the rule, whom it is about, and what was expected and found. */
export interface Violation {
  readonly rule: Rule;
  readonly about: string;
  readonly detail: string;
}

export type Rule =
  // What clients were told, against what stands in the ledger.
  | 'acknowledged_is_lost' | 'posted_twice' | 'refused_but_posted' | 'other_entries_than_asked' | 'outcome_without_its_transfer' | 'never_asked_for'
  | 'answers_differ' | 'two_bodies_under_a_key' | 'still_unknown' | 'refused_without_reason' | 'stale_reading' | 'unexpected_answer'
  // The ledger in itself.
  | 'sum_is_not_zero' | 'still_under_way' | 'held_is_not_the_open_holds' | 'hold_is_not_its_capture' | 'entries_of_a_transfer_do_not_balance' | 'chain_of_entries_is_broken' | 'balance_is_not_the_last_entry' | 'beyond_policy'
  // Those that follow it.
  | 'report_differs' | 'event_missing' | 'event_twice' | 'events_out_of_sequence'
  // The platform as a whole.
  | 'not_healed';

/** All invocations of one key, and what the ledger holds of them. */
interface OfKey {
  readonly key: string;
  readonly invocations: readonly Invocation[];
  readonly rows: readonly KeyRow[];
}

/** Holds what clients asked and were told against what the ledger holds. */
export function checkHistory(history: Pick<History, 'invocations' | 'readings'>, contents: Contents): Violation[] {
  const ledger = new Lookup(contents);
  const keys = [...Map.groupBy(history.invocations, ({ key }) => key)].map(([key, invocations]): OfKey => ({ key, invocations, rows: ledger.keys.get(key) ?? [] }));
  return [
    ...keys.flatMap((one) => [...acknowledged(one, ledger), ...posted(one, ledger), ...answers(one)]),
    ...neverAskedFor(history.invocations, contents),
    ...inTime(history, ledger),
  ];
}

/** The contents, found by what they are asked for. */
class Lookup {
  readonly keys: ReadonlyMap<string, readonly KeyRow[]>;
  readonly byId: ReadonlyMap<string, readonly TransferRow[]>;
  readonly byReference: ReadonlyMap<string | undefined, readonly TransferRow[]>;
  readonly holds: readonly HoldRow[];
  readonly entriesOf: ReadonlyMap<string, readonly EntryRow[]>;
  readonly entriesOn: ReadonlyMap<string, readonly EntryRow[]>;
  readonly accounts: ReadonlyMap<string, AccountRow>;

  constructor(contents: Contents) {
    this.keys = Map.groupBy(contents.keys, ({ key }) => key);
    this.byId = Map.groupBy(contents.transfers, ({ id }) => id);
    this.byReference = Map.groupBy(contents.transfers, ({ reference }) => reference);
    this.holds = contents.holds;
    this.entriesOf = Map.groupBy(contents.entries, ({ transfer }) => transfer);
    this.entriesOn = Map.groupBy(contents.entries.toSorted((a, b) => a.version - b.version), ({ account }) => account);
    this.accounts = new Map(contents.accounts.map((account) => [account.id, account]));
  }

  /** What stands in the ledger of a wish: its transfer and the other halves of it, or its hold. */
  madeOf(wish: Wish): Made {
    switch (wish.kind) {
      case 'hold': return { ids: this.holds.filter(({ reference }) => reference === wish.reference).map(({ id }) => id), isTakenBack: false, moved: '' };
      case 'void': return { ids: this.holds.filter(({ id, status }) => id === wish.hold && status === 'voided').map(({ id }) => id), isTakenBack: false, moved: '' };
      default: return this.made(this.byReference.get(wish.reference) ?? []);
    }
  }

  private made(transfers: readonly TransferRow[]): Made {
    const returns = transfers.filter(({ kind }) => kind === 'transit_return');
    const firsts = transfers.filter(({ kind }) => kind !== 'transit_return' && kind !== 'transit_in');
    const arrivals = transfers.filter(({ kind }) => kind === 'transit_in');
    // One first half, and one other half at most: that it arrived and came back as well would be money made.
    const ids = firsts.length > 1 || returns.length + arrivals.length > 1 ? transfers.map(({ id }) => id) : firsts.map(({ id }) => id);
    const entries = [...new Set(transfers.map(({ id }) => id))].flatMap((id) => this.entriesOf.get(id) ?? []);
    return { ids, isTakenBack: returns.length > 0, moved: inWords(entries.filter(({ account }) => this.accounts.get(account)?.kind !== 'system')) };
  }
}

/** What the ledger has made of a wish: ids of transfers or holds, more than one only if something is wrong. */
interface Made {
  readonly ids: readonly string[];
  /** It went to another shard, was refused there, and came back. */
  readonly isTakenBack: boolean;
  /** What it moved on the customers' accounts, in one order. */
  readonly moved: string;
}

function inWords(legs: readonly { account: string; amountMinor: bigint }[]): string {
  const sums = [...Map.groupBy(legs, ({ account }) => account)].map(([account, same]): [string, bigint] => [account, same.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)]);
  return sums.filter(([, sum]) => sum !== 0n).map(([account, sum]) => `${account} ${sum}`).toSorted().join(', ');
}

/** What was acknowledged stands in the ledger, under the key and the id that the client was told. */
function acknowledged({ key, invocations, rows }: OfKey, ledger: Lookup): Violation[] {
  return invocations.filter(({ verdict }) => verdict === 'acknowledged' || verdict === 'under_way').flatMap(({ verdict, subjectId, wish }) => {
    const lost = (detail: string): Violation[] => [{ rule: 'acknowledged_is_lost', about: key, detail }];
    if (rows.length === 0) return lost('the key is not in the ledger');
    if (!rows.some((row) => row.outcome === 'posted' && row.subjectId === subjectId)) return lost(`the key stands for ${rows.map((row) => `${row.outcome} ${row.subjectId}`).join(', ')}, the client was told ${subjectId}`);
    const made = ledger.madeOf(wish);
    if (!made.ids.includes(subjectId ?? '')) return lost(`${wish.kind} ${subjectId} is not in the ledger, but ${made.ids.join(', ') || 'nothing'}`);
    if (verdict === 'acknowledged' && made.isTakenBack) return lost(`transfer ${subjectId} was taken back`);
    return [];
  });
}

/** At most one transfer a key, with the entries of the body that won; none of a body that was refused; an outcome and its transfer only together. */
function posted({ key, invocations, rows }: OfKey, ledger: Lookup): Violation[] {
  const violations: Violation[] = [];
  const found = (rule: Rule, detail: string): void => void violations.push({ rule, about: key, detail });
  const wishes = [...new Map(invocations.map(({ wish }) => [wish.reference, wish])).values()];
  // A hold may have been voided under another key: what its own key stands for is its own.
  const ofKey = (wish: Wish, { ids }: Made): readonly string[] => (wish.kind === 'void' ? ids.filter(() => rows.some(({ outcome }) => outcome === 'posted')) : ids);
  const made = wishes.map((wish) => ({ wish, made: ledger.madeOf(wish) })).map((one) => ({ ...one, ids: ofKey(one.wish, one.made) }));
  const ids = made.flatMap((one) => one.ids);

  if (ids.length > 1) found('posted_twice', ids.join(', '));
  if (rows.length > 1) found('posted_twice', `the key stands ${rows.length} times, on shards ${rows.map(({ shard }) => shard).join(', ')}`);
  for (const { verdict, wish, code } of invocations) {
    const mine = made.find((one) => one.wish.reference === wish.reference);
    if ((verdict === 'refused' || verdict === 'reused') && mine && mine.ids.length > 0 && !mine.made.isTakenBack) found('refused_but_posted', `the client was told ${code}, and ${mine.ids[0]} was posted`);
  }
  for (const row of rows) {
    if (row.outcome === 'posted' && !ids.includes(row.subjectId)) found('outcome_without_its_transfer', `the key stands for ${row.subjectId}, which is not there`);
    if (row.outcome !== 'posted' && ids.length > 0) found('refused_but_posted', `the key stands for ${row.outcome}, and ${ids[0]} was posted`);
  }
  for (const one of made) {
    for (const id of one.ids) if (!rows.some(({ subjectId }) => subjectId === id)) found('outcome_without_its_transfer', `${id} was posted without its key`);
    if (one.ids.length === 0 || one.wish.kind === 'hold' || one.wish.kind === 'void') continue;
    const asked = one.made.isTakenBack ? '' : inWords(one.wish.legs);
    if (asked !== one.made.moved) found('other_entries_than_asked', `asked for ${asked || 'nothing'}; entries are ${one.made.moved || 'none'}`);
  }
  return violations;
}

/** Who repeats a request is told the same again; only one body of a key is ever decided; and in the end each client knows. */
function answers({ key, invocations, rows }: OfKey): Violation[] {
  const violations: Violation[] = [];
  const decided = invocations.filter(({ verdict }) => verdict === 'acknowledged' || verdict === 'refused');
  for (const [reference, same] of Map.groupBy(decided, ({ wish }) => wish.reference)) {
    const different = [...new Set(same.map(({ status, answer }) => `${status} ${answer}`))];
    if (different.length > 1) violations.push({ rule: 'answers_differ', about: key, detail: `${reference}: ${different.join(' | ')}` });
  }
  // Who may not ask at all is refused before the ledger, under no key: then no body was decided.
  const bodies = new Set(decided.filter(({ verdict }) => verdict === 'acknowledged' || rows.length > 0).map(({ wish }) => wish.reference));
  if (bodies.size > 1) violations.push({ rule: 'two_bodies_under_a_key', about: key, detail: `both were decided: ${[...bodies].join(', ')}` });
  for (const { status, code, answer } of invocations) {
    // A fault may cost an answer, or a 502 to 504; nothing foresees a bug's 500, nor a refusal without a code.
    if (status === 500 || (status >= 400 && status < 500 && code === undefined)) violations.push({ rule: 'unexpected_answer', about: key, detail: `${status} ${answer}` });
  }
  return violations;
}

/** Nothing moved money on the clients' accounts but what they asked for. */
function neverAskedFor(invocations: readonly Invocation[], contents: Contents): Violation[] {
  const references = new Set<string | undefined>(invocations.map(({ wish }) => wish.reference));
  return contents.transfers
    .filter(({ reference }) => !references.has(reference))
    .map(({ id, kind, reference }) => ({ rule: 'never_asked_for', about: id, detail: `a ${kind} with the reference ${reference ?? 'none'}` }));
}

/** Keys whose outcome a client that insisted on it does not know. */
export function stillUnknown(invocations: readonly Invocation[], insisted: ReadonlySet<string>): Violation[] {
  return [...Map.groupBy(invocations, ({ key }) => key)]
    .filter(([key, tries]) => insisted.has(key) && tries.every(({ verdict }) => verdict === 'unknown' || verdict === 'nothing' || verdict === 'under_way'))
    .map(([key, tries]) => ({ rule: 'still_unknown', about: key, detail: `${tries.length} requests, the last answer ${tries.at(-1)?.status} ${tries.at(-1)?.answer}` }));
}

/**
 * Real time: a reading shows everything that was acknowledged before it was asked for, and nothing that was asked for after it was answered;
 * and a refusal for want of money was decided on a balance that stood between request and answer.
 */
function inTime(history: Pick<History, 'invocations' | 'readings'>, ledger: Lookup): Violation[] {
  const times = new Map<string, { askedMs: number; toldMs: number }>();
  for (const { wish, verdict, startMs, endMs } of history.invocations) {
    const known = times.get(wish.reference) ?? { askedMs: Infinity, toldMs: Infinity };
    times.set(wish.reference, { askedMs: Math.min(known.askedMs, startMs), toldMs: verdict === 'acknowledged' ? Math.min(known.toldMs, endMs) : known.toldMs });
  }
  // An account has thousands of entries and as many questions: what bounds them is found once.
  const timelines = new Map([...ledger.entriesOn].map(([account, entries]) => [account, timelineOf(entries, ledger, times)]));
  const timeline = (account: string): readonly Moment[] => timelines.get(account) ?? [{ balanceMinor: 0n, askedMs: -Infinity, toldMs: -Infinity }];
  return [
    ...history.readings.flatMap((reading) => stale(reading, timeline(reading.account))),
    ...withoutReason(history.invocations, timeline, holdsIn(history.invocations, ledger, times)),
  ];
}

/** The most that holds may have reserved on an account at some time between the two: they are no entries, but what they reserve cannot be spent. */
type MostHeld = (account: string, fromMs: number, toMs: number) => bigint;

function holdsIn(invocations: readonly Invocation[], ledger: Lookup, times: ReadonlyMap<string, { askedMs: number }>): MostHeld {
  const closedMs = new Map<string, number>();
  for (const { wish, verdict, endMs } of invocations) {
    if (wish.hold !== undefined && verdict === 'acknowledged') closedMs.set(wish.hold, Math.min(closedMs.get(wish.hold) ?? Infinity, endMs));
  }
  const holds = Map.groupBy(ledger.holds, ({ debitAccount }) => debitAccount);
  return (account, fromMs, toMs) => (holds.get(account) ?? [])
    .filter(({ id, reference }) => (times.get(reference ?? '')?.askedMs ?? -Infinity) <= toMs && (closedMs.get(id) ?? Infinity) >= fromMs)
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
}

/** A balance of an account: it cannot have stood before `askedMs`, and the one before it not after `toldMs`. */
interface Moment {
  readonly balanceMinor: bigint;
  readonly askedMs: number;
  readonly toldMs: number;
}

/** Entry n stands before entry n + 1: so n + 1 can have come no earlier than n, and n no later than n + 1 was told. */
function timelineOf(entries: readonly EntryRow[], ledger: Lookup, times: ReadonlyMap<string, { askedMs: number; toldMs: number }>): Moment[] {
  let askedMs = -Infinity;
  const forward = entries.map((entry) => {
    const time = times.get(ledger.byId.get(entry.transfer)?.[0]?.reference ?? '');
    askedMs = Math.max(askedMs, time?.askedMs ?? -Infinity);
    return { balanceMinor: entry.balanceAfterMinor, askedMs, toldMs: time?.toldMs ?? Infinity };
  });
  let toldMs = Infinity;
  const moments = forward.toReversed().map((moment) => {
    toldMs = Math.min(toldMs, moment.toldMs);
    return { ...moment, toldMs };
  }).toReversed();
  return [{ balanceMinor: 0n, askedMs: -Infinity, toldMs: -Infinity }, ...moments];
}

/** The balances that may have stood at some time between the two. */
function standing(moments: readonly Moment[], fromMs: number, toMs: number): readonly Moment[] {
  return moments.filter(({ askedMs }, index) => askedMs <= toMs && (moments[index + 1]?.toldMs ?? Infinity) >= fromMs);
}

function stale(reading: Reading, moments: readonly Moment[]): Violation[] {
  const possible = standing(moments, reading.startMs, reading.endMs);
  if (possible.some(({ balanceMinor }) => balanceMinor === reading.balanceMinor)) return [];
  const before = moments.some(({ balanceMinor }) => balanceMinor === reading.balanceMinor);
  return [{ rule: 'stale_reading', about: reading.account, detail: `${reading.balanceMinor} was read; ${before ? 'it stood, but not then' : 'it never stood'}. Then stood: ${possible.slice(0, 5).map(({ balanceMinor }) => balanceMinor).join(', ')}` }];
}

function withoutReason(invocations: readonly Invocation[], timeline: (account: string) => readonly Moment[], mostHeld: MostHeld): Violation[] {
  const first = new Map<string, Invocation>();
  const askedMs = new Map<string, number>();
  for (const invocation of invocations) {
    askedMs.set(invocation.key, Math.min(askedMs.get(invocation.key) ?? Infinity, invocation.startMs));
    if (invocation.code === 'exceeds_balance' && (first.get(invocation.key)?.endMs ?? Infinity) > invocation.endMs) first.set(invocation.key, invocation);
  }
  return [...first.values()].flatMap(({ key, wish, endMs }) => {
    const fromMs = askedMs.get(key) ?? 0;
    const debits = wish.legs.filter(({ amountMinor }) => amountMinor < 0n).map((debit) => {
      const balances = standing(timeline(debit.account), fromMs, endMs).map(({ balanceMinor }) => balanceMinor);
      return { amountMinor: -debit.amountMinor, balances, heldMinor: mostHeld(debit.account, fromMs, endMs) };
    });
    if (debits.length === 0 || debits.some(({ amountMinor, balances, heldMinor }) => balances.some((balance) => balance - heldMinor < amountMinor))) return [];
    const told = debits.map(({ amountMinor, balances, heldMinor }) => `${amountMinor} of at least ${balances[0]}, of which at most ${heldMinor} was held`);
    return [{ rule: 'refused_without_reason' as const, about: key, detail: `refused for want of money: ${told.join('; ')}` }];
  });
}
