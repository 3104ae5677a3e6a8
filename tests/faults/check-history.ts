import type { History, Invocation, Reading } from './history.ts';
import type { AccountRow, Contents, EntryRow, KeyRow, TransferRow } from './ledger-contents.ts';

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
  | 'sum_is_not_zero' | 'entries_of_a_transfer_do_not_balance' | 'chain_of_entries_is_broken' | 'balance_is_not_the_last_entry' | 'beyond_policy'
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
  readonly transfers: ReadonlyMap<string, TransferRow>;
  readonly byReference: ReadonlyMap<string | undefined, readonly TransferRow[]>;
  readonly entriesOf: ReadonlyMap<string, readonly EntryRow[]>;
  readonly entriesOn: ReadonlyMap<string, readonly EntryRow[]>;
  readonly accounts: ReadonlyMap<string, AccountRow>;

  constructor(contents: Contents) {
    this.keys = Map.groupBy(contents.keys, ({ key }) => key);
    this.transfers = new Map(contents.transfers.map((transfer) => [transfer.id, transfer]));
    this.byReference = Map.groupBy(contents.transfers, ({ reference }) => reference);
    this.entriesOf = Map.groupBy(contents.entries, ({ transfer }) => transfer);
    this.entriesOn = Map.groupBy(contents.entries.toSorted((a, b) => a.version - b.version), ({ account }) => account);
    this.accounts = new Map(contents.accounts.map((account) => [account.id, account]));
  }
}

/** What was acknowledged stands in the ledger, with the entries that were asked for, under the key and the id that the client was told. */
function acknowledged({ key, invocations, rows }: OfKey, ledger: Lookup): Violation[] {
  return invocations.filter(({ verdict }) => verdict === 'acknowledged').flatMap(({ subjectId, wish }) => {
    const lost = (detail: string): Violation[] => [{ rule: 'acknowledged_is_lost', about: key, detail }];
    if (rows.length === 0) return lost('the key is not in the ledger');
    if (!rows.some((row) => row.outcome === 'posted' && row.subjectId === subjectId)) return lost(`the key stands for ${rows.map((row) => `${row.outcome} ${row.subjectId}`).join(', ')}, the client was told ${subjectId}`);
    const transfer = ledger.transfers.get(subjectId ?? '');
    if (!transfer) return lost(`transfer ${subjectId} is not in the ledger`);
    if (transfer.reference !== wish.reference) return [{ rule: 'other_entries_than_asked', about: key, detail: `transfer ${transfer.id} is of ${transfer.reference}, not of ${wish.reference}` }];
    return [];
  });
}

/** At most one transfer a key, with the entries of the body that won; none of a body that was refused; an outcome and its transfer only together. */
function posted({ key, invocations, rows }: OfKey, ledger: Lookup): Violation[] {
  const violations: Violation[] = [];
  const found = (rule: Rule, detail: string): void => void violations.push({ rule, about: key, detail });
  const wishes = new Map(invocations.map(({ wish }) => [wish.reference, wish]));
  const transfers = [...wishes.keys()].flatMap((reference) => ledger.byReference.get(reference) ?? []);

  if (transfers.length > 1) found('posted_twice', `transfers ${transfers.map(({ id, reference }) => `${id} (${reference})`).join(', ')}`);
  if (rows.length > 1) found('posted_twice', `the key stands ${rows.length} times, on shards ${rows.map(({ shard }) => shard).join(', ')}`);
  for (const { verdict, wish, code } of invocations) {
    if ((verdict === 'refused' || verdict === 'reused') && ledger.byReference.has(wish.reference)) found('refused_but_posted', `the client was told ${code}, and ${wish.reference} was posted`);
  }
  for (const row of rows) {
    if (row.outcome === 'posted' && !transfers.some(({ id }) => id === row.subjectId)) found('outcome_without_its_transfer', `the key stands for transfer ${row.subjectId}, which is not there`);
    if (row.outcome !== 'posted' && transfers.length > 0) found('refused_but_posted', `the key stands for ${row.outcome}, and ${transfers[0]?.id} was posted`);
  }
  for (const transfer of transfers) {
    if (!rows.some(({ subjectId }) => subjectId === transfer.id)) found('outcome_without_its_transfer', `transfer ${transfer.id} was posted without its key`);
    const asked = (wishes.get(transfer.reference ?? '')?.legs ?? []).map((leg) => `${leg.account} ${leg.amountMinor}`).toSorted().join(', ');
    const written = (ledger.entriesOf.get(transfer.id) ?? []).filter(({ account }) => ledger.accounts.get(account)?.kind !== 'system').map((entry) => `${entry.account} ${entry.amountMinor}`).toSorted().join(', ');
    if (asked !== written) found('other_entries_than_asked', `asked for ${asked}; entries are ${written || 'none'}`);
  }
  return violations;
}

/** Who repeats a request is told the same again; only one body of a key is ever decided; and in the end each client knows. */
function answers({ key, invocations }: OfKey): Violation[] {
  const violations: Violation[] = [];
  const decided = invocations.filter(({ verdict }) => verdict === 'acknowledged' || verdict === 'refused');
  for (const [reference, same] of Map.groupBy(decided, ({ wish }) => wish.reference)) {
    const different = [...new Set(same.map(({ status, answer }) => `${status} ${answer}`))];
    if (different.length > 1) violations.push({ rule: 'answers_differ', about: key, detail: `${reference}: ${different.join(' | ')}` });
  }
  const bodies = new Set(decided.map(({ wish }) => wish.reference));
  if (bodies.size > 1) violations.push({ rule: 'two_bodies_under_a_key', about: key, detail: `both were decided: ${[...bodies].join(', ')}` });
  for (const { status, code, answer } of invocations) {
    // A fault may cost an answer, or a 502 to 504; nothing foresees a bug's 500, nor a refusal without a code.
    if (status === 500 || (status >= 400 && status < 500 && code === undefined)) violations.push({ rule: 'unexpected_answer', about: key, detail: `${status} ${answer}` });
  }
  return violations;
}

/** Nothing moved money on the clients' accounts but what they asked for. */
function neverAskedFor(invocations: readonly Invocation[], contents: Contents): Violation[] {
  const references = new Set(invocations.map(({ wish }) => wish.reference));
  return contents.transfers
    .filter(({ reference }) => reference === undefined || !references.has(reference))
    .map(({ id, kind, reference }) => ({ rule: 'never_asked_for', about: id, detail: `a ${kind} with the reference ${reference ?? 'none'}` }));
}

/** Keys whose outcome a client that insisted on it does not know. */
export function stillUnknown(invocations: readonly Invocation[], insisted: ReadonlySet<string>): Violation[] {
  return [...Map.groupBy(invocations, ({ key }) => key)]
    .filter(([key, tries]) => insisted.has(key) && tries.every(({ verdict }) => verdict === 'unknown' || verdict === 'nothing'))
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
    ...withoutReason(history.invocations, ledger, timeline),
  ];
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
    const time = times.get(ledger.transfers.get(entry.transfer)?.reference ?? '');
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

function withoutReason(invocations: readonly Invocation[], ledger: Lookup, timeline: (account: string) => readonly Moment[]): Violation[] {
  const first = new Map<string, Invocation>();
  const askedMs = new Map<string, number>();
  for (const invocation of invocations) {
    askedMs.set(invocation.key, Math.min(askedMs.get(invocation.key) ?? Infinity, invocation.startMs));
    if (invocation.code === 'exceeds_balance' && (first.get(invocation.key)?.endMs ?? Infinity) > invocation.endMs) first.set(invocation.key, invocation);
  }
  return [...first.values()].flatMap(({ key, wish, endMs }) => {
    const debit = wish.legs.find(({ amountMinor }) => amountMinor < 0n);
    if (!debit || !ledger.accounts.has(debit.account)) return [];
    const possible = standing(timeline(debit.account), askedMs.get(key) ?? 0, endMs);
    if (possible.some(({ balanceMinor }) => balanceMinor + debit.amountMinor < 0n)) return [];
    return [{ rule: 'refused_without_reason' as const, about: key, detail: `${-debit.amountMinor} was refused for want of money, while at least ${possible[0]?.balanceMinor} stood` }];
  });
}
