import type { History, Invocation, Reading } from '../faults/history.ts';
import type { Contents } from '../faults/ledger-contents.ts';
import type { Violation } from '../faults/check-history.ts';

/** A restore to an earlier moment, on the clock of the history: what was done from that moment until the restored took its place is undone, on purpose. */
export interface Undoing {
  readonly momentMs: number;
  readonly placedMs: number;
  /** Whether the moment was chosen, so that nothing after it may be there; otherwise it is only how far the WAL reached. */
  readonly isChosen: boolean;
}

/**
 * Takes what was undone out of a history, so that all else can be held against the ledger as if it had never been asked for. What was answered before the moment stays:
 * if that is missing, it is lost. Says what was taken out, and what is there although it was asked for after the moment.
 */
export function takeOutUndone(history: Pick<History, 'invocations' | 'readings'>, contents: Contents, undoing: Undoing): { undone: Invocation[]; violations: Violation[] } {
  const { momentMs, placedMs, isChosen } = undoing;
  const ledger = new There(contents);
  const isOfThen = ({ startMs, endMs }: Pick<Invocation | Reading, 'startMs' | 'endMs'>): boolean => endMs >= momentMs && startMs <= placedMs;
  const askedFirst = new Map<string, number>();
  for (const { key, startMs } of history.invocations) askedFirst.set(key, Math.min(startMs, askedFirst.get(key) ?? startMs));

  const violations: Violation[] = [];
  for (const one of history.invocations) {
    if (!isChosen || !isOfThen(one) || (askedFirst.get(one.key) ?? 0) <= momentMs || !ledger.hasMade(one)) continue;
    violations.push({ rule: 'not_healed', about: one.key, detail: `it was asked for ${Math.round(one.startMs - momentMs)} ms after the moment, and is still there` });
  }
  const undone = keepOnly(history.invocations, (one) => !isOfThen(one) || !isUndone(one, ledger));
  // Balances of a time that never was.
  keepOnly(history.readings, (reading) => !isOfThen(reading));
  return { undone, violations };
}

function isUndone(one: Invocation, ledger: There): boolean {
  switch (one.verdict) {
    case 'acknowledged': case 'under_way': return !ledger.hasMade(one);
    // Decided on balances that are gone; the same key may have been decided anew.
    case 'refused': case 'reused': return ledger.outcomeOf(one.key) === undefined || ledger.outcomeOf(one.key) === 'posted';
    // Nobody was told anything. What has lost rows may answer 500, and go on so until it is restored.
    case 'nothing': case 'unknown': return one.status === 500;
  }
}

/** What the ledger has of that which clients were told. */
class There {
  private readonly outcomes: ReadonlyMap<string, string>;
  private readonly ids: ReadonlySet<string>;
  private readonly voided: ReadonlySet<string>;

  constructor({ keys, transfers, holds }: Contents) {
    this.outcomes = new Map(keys.map(({ key, outcome }) => [key, outcome]));
    this.ids = new Set([...transfers, ...holds].map(({ id }) => id));
    this.voided = new Set(holds.filter(({ status }) => status === 'voided').map(({ id }) => id));
  }

  outcomeOf(key: string): string | undefined {
    return this.outcomes.get(key);
  }

  hasMade({ key, verdict, wish, subjectId = '' }: Invocation): boolean {
    if (verdict !== 'acknowledged' && verdict !== 'under_way') return false;
    // A hold that is open again may have been voided anew, under another key.
    return wish.kind === 'void' ? this.voided.has(wish.hold ?? '') && this.outcomes.has(key) : this.ids.has(subjectId);
  }
}

/** Says what it has taken out. */
function keepOnly<T>(list: T[], isKept: (one: T) => boolean): T[] {
  const others = list.filter((one) => !isKept(one));
  list.splice(0, list.length, ...list.filter(isKept));
  return others;
}
