import { describe, expect, test } from '@jest/globals';
import { checkEvents, checkReports, type SeenEvent } from './check-followers.ts';
import { checkHistory, stillUnknown, type Rule, type Violation } from './check-history.ts';
import { checkLedger } from './check-ledger.ts';
import { understood, type Invocation, type Reading, type Verdict } from './history.ts';
import type { AccountRow, Contents } from './ledger-contents.ts';

/** A world in which all is well, for each test to break in one place: 100 paid in to anna, of which 30 go to boris; 500 were too much. */
interface World {
  invocations: Invocation[];
  readings: Reading[];
  contents: { -readonly [Part in keyof Contents]: Contents[Part][number][] };
}

type Changeable<T> = { -readonly [Name in keyof T]: T[Name] };

const account = (id: string, kind: 'customer' | 'system', balanceMinor: bigint, version: number): AccountRow => ({
  shard: 0, id, owner: id, kind, normalSide: kind === 'system' ? 'debit' : 'credit', currency: 'EUR', balanceMinor, heldMinor: 0n, overdraftLimitMinor: 0n, version,
});

function invocation(key: string, verdict: Verdict, changes: Partial<Changeable<Invocation>> = {}): Invocation {
  return {
    key, person: 'anna', verdict, startMs: 0, endMs: 10, status: 201, code: undefined, subjectId: undefined, answer: '{}', replayed: false,
    wish: { kind: 'transfer', reference: key, legs: [{ account: 'anna', amountMinor: -30n }, { account: 'boris', amountMinor: 30n }] }, ...changes,
  };
}

function sound(): World {
  return {
    invocations: [
      invocation('in', 'acknowledged', { subjectId: 't1', wish: { kind: 'deposit', reference: 'in', legs: [{ account: 'anna', amountMinor: 100n }] } }),
      invocation('pay', 'unknown', { startMs: 20, endMs: 30, status: 503 }),
      invocation('pay', 'acknowledged', { subjectId: 't2', startMs: 30, endMs: 40 }),
      invocation('pay', 'acknowledged', { subjectId: 't2', startMs: 50, endMs: 60, replayed: true }),
      invocation('pay', 'reused', { startMs: 50, endMs: 60, status: 422, code: 'idempotency_key_reused', wish: { kind: 'transfer', reference: 'pay/other', legs: [{ account: 'anna', amountMinor: -31n }, { account: 'boris', amountMinor: 31n }] } }),
      invocation('much', 'refused', { startMs: 70, endMs: 80, status: 422, code: 'exceeds_balance', wish: { kind: 'transfer', reference: 'much', legs: [{ account: 'anna', amountMinor: -500n }, { account: 'boris', amountMinor: 500n }] } }),
      // Never asked again: the ledger does not have it, which is as good as if it had.
      invocation('gone', 'unknown', { startMs: 90, endMs: 95, status: 0 }),
    ],
    readings: [{ account: 'anna', startMs: 45, endMs: 48, balanceMinor: 70n }],
    contents: {
      accounts: [account('cash', 'system', -100n, 1), account('anna', 'customer', 70n, 2), account('boris', 'customer', 30n, 1)],
      transfers: [{ shard: 0, id: 't1', kind: 'deposit', reference: 'in' }, { shard: 0, id: 't2', kind: 'transfer', reference: 'pay' }],
      entries: [
        { shard: 0, account: 'cash', version: 1, transfer: 't1', currency: 'EUR', amountMinor: -100n, balanceAfterMinor: -100n },
        { shard: 0, account: 'anna', version: 1, transfer: 't1', currency: 'EUR', amountMinor: 100n, balanceAfterMinor: 100n },
        { shard: 0, account: 'anna', version: 2, transfer: 't2', currency: 'EUR', amountMinor: -30n, balanceAfterMinor: 70n },
        { shard: 0, account: 'boris', version: 1, transfer: 't2', currency: 'EUR', amountMinor: 30n, balanceAfterMinor: 30n },
      ],
      keys: [
        { shard: 0, scope: 'operator', key: 'in', outcome: 'posted', subjectId: 't1' },
        { shard: 0, scope: 'anna', key: 'pay', outcome: 'posted', subjectId: 't2' },
        { shard: 0, scope: 'anna', key: 'much', outcome: 'exceeds_balance', subjectId: 't3' },
      ],
      sums: [{ shard: 0, currency: 'EUR', balancesMinor: -5n, entriesMinor: -5n }, { shard: 1, currency: 'EUR', balancesMinor: 5n, entriesMinor: 5n }],
    },
  };
}

const check = ({ invocations, readings, contents }: World): Violation[] => [...checkHistory({ invocations, readings }, contents), ...checkLedger(contents)];
const rules = (violations: readonly Violation[]): Rule[] => [...new Set(violations.map(({ rule }) => rule))].toSorted();

/** Removes what matches, and insists that something did: a test that breaks nothing proves nothing. */
function without<T>(items: T[], matches: (item: T) => boolean): void {
  const kept = items.filter((item) => !matches(item));
  expect(kept.length).toBeLessThan(items.length);
  items.splice(0, items.length, ...kept);
}

function change<T extends object>(items: T[], matches: (item: T) => boolean, changes: Partial<T>): void {
  const index = items.findIndex(matches);
  expect(index).toBeGreaterThanOrEqual(0);
  items[index] = { ...items[index]!, ...changes };
}

test('a sound history would be blamed', () => {
  expect(check(sound())).toEqual([]);
});

describe('what clients were told, against the ledger', () => {
  const broken: [string, Rule[], (world: World) => void][] = [
    ['an acknowledged transfer that is gone with its key, its entries and their balances would pass', ['acknowledged_is_lost', 'stale_reading'], ({ contents }) => {
      // As after a failover that lost the last commit: the ledger is consistent in itself.
      without(contents.transfers, ({ id }) => id === 't2');
      without(contents.entries, ({ transfer }) => transfer === 't2');
      without(contents.keys, ({ key }) => key === 'pay');
      change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 100n, version: 1 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 0n, version: 0 });
    }],
    ['an acknowledgement of another transfer than the key stands for would pass', ['acknowledged_is_lost', 'answers_differ'], ({ invocations }) => change(invocations, ({ replayed }) => replayed, { subjectId: 't9', answer: '{"id":"t9"}' })],
    ['an unknown outcome that was posted twice would pass', ['posted_twice', 'outcome_without_its_transfer', 'stale_reading'], ({ contents }) => {
      contents.transfers.push({ shard: 0, id: 't4', kind: 'transfer', reference: 'pay' });
      contents.entries.push(
        { shard: 0, account: 'anna', version: 3, transfer: 't4', currency: 'EUR', amountMinor: -30n, balanceAfterMinor: 40n },
        { shard: 0, account: 'boris', version: 2, transfer: 't4', currency: 'EUR', amountMinor: 30n, balanceAfterMinor: 60n });
      change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 40n, version: 3 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 60n, version: 2 });
    }],
    ['a key that stands on two shards would pass', ['posted_twice'], ({ contents }) => { contents.keys.push({ shard: 1, scope: 'anna', key: 'much', outcome: 'exceeds_balance', subjectId: 't8' }); }],
    ['a refusal that was posted all the same would pass', ['refused_but_posted', 'answers_differ'], ({ invocations }) => change(invocations, ({ verdict, key }) => verdict === 'unknown' && key === 'pay', { verdict: 'refused', status: 409, code: 'account_frozen' })],
    ['the other body of a used key, posted as well, would pass', ['refused_but_posted', 'posted_twice', 'outcome_without_its_transfer'], ({ contents }) => {
      contents.transfers.push({ shard: 0, id: 't5', kind: 'transfer', reference: 'pay/other' });
      contents.entries.push(
        { shard: 0, account: 'anna', version: 3, transfer: 't5', currency: 'EUR', amountMinor: -31n, balanceAfterMinor: 39n },
        { shard: 0, account: 'boris', version: 2, transfer: 't5', currency: 'EUR', amountMinor: 31n, balanceAfterMinor: 61n });
      change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 39n, version: 3 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 61n, version: 2 });
    }],
    ['a stored refusal whose transfer is there would pass', ['refused_but_posted', 'acknowledged_is_lost'], ({ contents }) => change(contents.keys, ({ key }) => key === 'pay', { outcome: 'account_frozen' })],
    ['a key without its transfer would pass, whoever knows of it', ['outcome_without_its_transfer'], ({ contents }) => { contents.keys.push({ shard: 0, scope: 'anna', key: 'gone', outcome: 'posted', subjectId: 't6' }); }],
    ['a transfer without its key would pass, as it could be posted again', ['outcome_without_its_transfer', 'acknowledged_is_lost'], ({ contents }) => without(contents.keys, ({ key }) => key === 'pay')],
    ['another amount than was asked for would pass', ['other_entries_than_asked'], ({ invocations }) => {
      for (const [index, one] of invocations.entries()) if (one.wish.reference === 'pay') invocations[index] = { ...one, wish: { ...one.wish, legs: [{ account: 'anna', amountMinor: -20n }, { account: 'boris', amountMinor: 20n }] } };
    }],
    ['money that moved without being asked would pass', ['never_asked_for'], ({ invocations, contents }) => {
      without(invocations, ({ key }) => key === 'in');
      without(contents.keys, ({ key }) => key === 'in');
    }],
    ['a repeated request that is told something else would pass', ['answers_differ'], ({ invocations }) => change(invocations, ({ replayed }) => replayed, { answer: '{"created_at":"another"}' })],
    ['two decided bodies under one key would pass', ['two_bodies_under_a_key'], ({ invocations }) => change(invocations, ({ verdict }) => verdict === 'reused', { verdict: 'refused', code: 'exceeds_balance', wish: { kind: 'transfer', reference: 'pay/other', legs: [{ account: 'anna', amountMinor: -310n }] } })],
    ['a bug that answers 500 would pass', ['unexpected_answer'], ({ invocations }) => change(invocations, ({ key }) => key === 'gone', { status: 500 })],
    ['a refusal without a code would pass', ['unexpected_answer'], ({ invocations }) => { invocations.push(invocation('odd', 'refused', { status: 400 })); }],
    ['a refusal of what could be paid would pass', ['refused_without_reason'], ({ invocations }) => change(invocations, ({ key }) => key === 'much', { wish: { kind: 'transfer', reference: 'much', legs: [{ account: 'anna', amountMinor: -70n }] } })],
    ['a reading of before an acknowledged transfer would pass', ['stale_reading'], ({ readings }) => change(readings, () => true, { balanceMinor: 100n })],
    ['a reading of a transfer that nobody had asked for yet would pass', ['stale_reading'], ({ readings }) => change(readings, () => true, { startMs: 12, endMs: 15 })],
    ['a balance that never stood would pass', ['stale_reading'], ({ readings }) => change(readings, () => true, { balanceMinor: 71n })],
  ];
  test.each(broken)('%s', (_name, expected, breakIt) => {
    const world = sound();
    breakIt(world);
    expect(rules(check(world))).toEqual(expected.toSorted());
  });

  test('a reading beside a transfer that is under way may show it or not, and would be blamed', () => {
    for (const balanceMinor of [70n, 100n]) {
      const world = sound();
      change(world.readings, () => true, { startMs: 25, endMs: 35, balanceMinor });
      expect(check(world)).toEqual([]);
    }
  });

  test('an unknown outcome that was posted once would be blamed', () => {
    const world = sound();
    without(world.invocations, ({ key, verdict }) => key === 'pay' && verdict !== 'unknown');
    world.readings = [];
    expect(check(world)).toEqual([]);
  });

  test('a client that insisted and was never told would pass', () => {
    const { invocations } = sound();
    expect(rules(stillUnknown(invocations, new Set(['gone', 'pay'])))).toEqual(['still_unknown']);
    expect(stillUnknown(invocations, new Set(['pay']))).toEqual([]);
  });
});

describe('the ledger in itself', () => {
  const broken: [string, Rule[], (contents: World['contents']) => void][] = [
    ['money made or lost between the shards would pass', ['sum_is_not_zero'], ({ sums }) => change(sums, ({ shard }) => shard === 1, { balancesMinor: 4n })],
    ['entries that do not sum to zero would pass', ['sum_is_not_zero'], ({ sums }) => change(sums, ({ shard }) => shard === 1, { entriesMinor: 4n })],
    ['two currencies that balance each other would pass', ['sum_is_not_zero'], ({ sums }) => change(sums, ({ shard }) => shard === 1, { currency: 'USD' })],
    ['a transfer with one side would pass', ['entries_of_a_transfer_do_not_balance', 'balance_is_not_the_last_entry', 'other_entries_than_asked'], ({ entries }) => without(entries, ({ account: on }) => on === 'boris')],
    ['a gap in the entries of an account would pass', ['chain_of_entries_is_broken'], ({ entries }) => change(entries, ({ account: on, version }) => on === 'anna' && version === 2, { version: 3 })],
    ['an entry with a wrong balance after it would pass', ['chain_of_entries_is_broken', 'stale_reading'], ({ entries }) => change(entries, ({ account: on, version }) => on === 'anna' && version === 2, { balanceAfterMinor: 71n })],
    ['a balance that is not that of the last entry would pass', ['balance_is_not_the_last_entry'], ({ accounts }) => change(accounts, ({ id }) => id === 'anna', { balanceMinor: 71n })],
    ['more held than there is would pass', ['beyond_policy'], ({ accounts }) => change(accounts, ({ id }) => id === 'anna', { heldMinor: 71n })],
    ['an overdraft that was mended later would pass', ['beyond_policy', 'stale_reading', 'other_entries_than_asked'], ({ entries }) => {
      // Paid out before it was paid in: the balances at the end are as they should be.
      change(entries, ({ account: on, version }) => on === 'anna' && version === 1, { transfer: 't2', amountMinor: -30n, balanceAfterMinor: -30n });
      change(entries, ({ account: on, version }) => on === 'anna' && version === 2, { transfer: 't1', amountMinor: 100n, balanceAfterMinor: 70n });
      change(entries, ({ account: on }) => on === 'boris', { amountMinor: 30n });
    }],
  ];
  test.each(broken)('%s', (_name, expected, breakIt) => {
    const world = sound();
    breakIt(world.contents);
    const found = rules(check(world));
    expect(found).toEqual(expect.arrayContaining([expected[0]!]));
    expect(expected).toEqual(expect.arrayContaining(found));
  });

  test('an account that may owe as much as it likes would be blamed', () => {
    const { contents } = sound();
    change(contents.accounts, ({ id }) => id === 'cash', { normalSide: 'credit', overdraftLimitMinor: undefined });
    expect(checkLedger(contents)).toEqual([]);
  });
});

describe('those that follow the ledger', () => {
  const event = (sequence: number, transfer: string, changes: Partial<SeenEvent> = {}): SeenEvent => ({ id: `e${sequence}`, type: 'transfer.posted', epoch: 1, shard: 0, sequence: String(sequence), data: { transfer_id: transfer }, ...changes });

  test('a report that differs by one would pass', () => {
    const { contents } = sound();
    expect(checkReports(contents, new Map([['anna', 70n], ['boris', 30n]]))).toEqual([]);
    expect(rules(checkReports(contents, new Map([['anna', 70n], ['boris', 31n]])))).toEqual(['report_differs']);
    expect(rules(checkReports(contents, new Map([['anna', 70n]])))).toEqual(['report_differs']);
  });

  const streams: [string, Rule[], SeenEvent[]][] = [
    ['what Kafka has twice, as it may, would be blamed', [], [event(1, 't1'), event(2, 't2'), event(1, 't1'), event(2, 't2')]],
    ['an event that never came would pass', ['event_missing'], [event(1, 't1')]],
    ['one transfer told by two events would pass', ['event_twice'], [event(1, 't1'), event(2, 't2'), event(3, 't2')]],
    ['a gap in the numbers would pass', ['events_out_of_sequence'], [event(1, 't1'), event(3, 't2')]],
    ['events in the wrong order would pass', ['events_out_of_sequence'], [event(2, 't2'), event(1, 't1')]],
    ['one number for two events would pass', ['events_out_of_sequence'], [event(1, 't1'), event(2, 't2'), event(2, 't7', { id: 'e9' })]],
    ['an event of another shard would count', ['event_missing'], [event(1, 't1'), event(1, 't2', { shard: 1, id: 'e8' })]],
  ];
  test.each(streams)('%s', (_name, expected, events) => {
    expect(rules(checkEvents(sound().contents, events))).toEqual(expected);
  });
});

test.each<[number, string | undefined, Verdict]>([
  [201, undefined, 'acknowledged'], [422, 'exceeds_balance', 'refused'], [404, 'account_unknown', 'refused'], [422, 'idempotency_key_reused', 'reused'],
  [409, 'idempotency_in_flight', 'nothing'], [409, 'account_frozen', 'refused'], [429, 'rate_limited', 'nothing'], [401, 'unauthenticated', 'nothing'],
  [503, 'ledger_unavailable', 'unknown'], [504, 'upstream_timeout', 'unknown'], [502, undefined, 'unknown'], [0, undefined, 'unknown'],
])('an answer %i %s would be taken for something else than %s', (status, code, verdict) => {
  expect(understood({ status, headers: {}, body: { code } }).verdict).toBe(verdict);
});

test('two answers that differ in their trace alone would count as different', () => {
  const told = (trace_id: string) => understood({ status: 422, headers: {}, body: { code: 'exceeds_balance', trace_id } }).answer;
  expect(told('a')).toBe(told('b'));
});
