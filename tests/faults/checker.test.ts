import { describe, expect, test } from '@jest/globals';
import { checkEvents, checkReports, type SeenEvent } from './check-followers.ts';
import { checkHistory, stillUnknown, type Rule, type Violation } from './check-history.ts';
import { checkLedger } from './check-ledger.ts';
import { understood, type Invocation, type Reading, type Verdict } from './history.ts';
import type { AccountRow, Contents, TransferRow } from './ledger-contents.ts';

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

const transfer = (id: string, kind: string, reference: string | undefined, changes: Partial<TransferRow> = {}): TransferRow => ({ shard: 0, id, kind, reference, reverses: undefined, hold: undefined, ...changes });

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
      transfers: [transfer('t1', 'deposit', 'in'), transfer('t2', 'transfer', 'pay')],
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
      holds: [],
      underWay: [],
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

test('who may not ask, with one body as with another, would count as decided twice', () => {
  const world = sound();
  const asked = { status: 422, code: 'transfer_not_reversible' } as const;
  world.invocations.push(
    invocation('back', 'refused', asked),
    { ...invocation('back', 'refused', asked), wish: { kind: 'reversal', reference: 'back/other', legs: [{ account: 'anna', amountMinor: 5n }, { account: 'boris', amountMinor: -5n }] } });
  expect(rules(check(world))).toEqual([]);
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
    ['an unknown outcome that was posted twice would pass', ['posted_twice', 'outcome_without_its_transfer', 'other_entries_than_asked', 'stale_reading'], ({ contents }) => {
      contents.transfers.push(transfer('t4', 'transfer', 'pay'));
      contents.entries.push(
        { shard: 0, account: 'anna', version: 3, transfer: 't4', currency: 'EUR', amountMinor: -30n, balanceAfterMinor: 40n },
        { shard: 0, account: 'boris', version: 2, transfer: 't4', currency: 'EUR', amountMinor: 30n, balanceAfterMinor: 60n });
      change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 40n, version: 3 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 60n, version: 2 });
    }],
    ['a key that stands on two shards would pass', ['posted_twice'], ({ contents }) => { contents.keys.push({ shard: 1, scope: 'anna', key: 'much', outcome: 'exceeds_balance', subjectId: 't8' }); }],
    ['a refusal that was posted all the same would pass', ['refused_but_posted', 'answers_differ'], ({ invocations }) => change(invocations, ({ verdict, key }) => verdict === 'unknown' && key === 'pay', { verdict: 'refused', status: 409, code: 'account_frozen' })],
    ['the other body of a used key, posted as well, would pass', ['refused_but_posted', 'posted_twice', 'outcome_without_its_transfer'], ({ contents }) => {
      contents.transfers.push(transfer('t5', 'transfer', 'pay/other'));
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

/** Boris is at home on shard 1: what anna pays him leaves by the account in transit of the one shard and arrives by that of the other. */
function across(): World {
  const world = sound();
  const { contents } = world;
  contents.transfers.push(transfer('t2', 'transit_in', 'pay', { shard: 1 }));
  change(contents.entries, ({ account: on }) => on === 'boris', { shard: 1 });
  contents.entries.push(
    { shard: 0, account: 'transit0', version: 1, transfer: 't2', currency: 'EUR', amountMinor: 30n, balanceAfterMinor: 30n },
    { shard: 1, account: 'transit1', version: 1, transfer: 't2', currency: 'EUR', amountMinor: -30n, balanceAfterMinor: -30n });
  contents.accounts.push({ ...account('transit0', 'system', 30n, 1), overdraftLimitMinor: undefined }, { ...account('transit1', 'system', -30n, 1), shard: 1, overdraftLimitMinor: undefined });
  return world;
}

/** The same, but shard 1 would not have it: so it came back, and the client was told. */
function comeBack(): World {
  const world = across();
  const { contents, invocations } = world;
  without(contents.transfers, ({ kind }) => kind === 'transit_in');
  without(contents.entries, ({ shard }) => shard === 1);
  contents.transfers.push(transfer('t4', 'transit_return', 'pay', { reverses: 't2' }));
  contents.entries.push(
    { shard: 0, account: 'transit0', version: 2, transfer: 't4', currency: 'EUR', amountMinor: -30n, balanceAfterMinor: 0n },
    { shard: 0, account: 'anna', version: 3, transfer: 't4', currency: 'EUR', amountMinor: 30n, balanceAfterMinor: 100n });
  change(contents.accounts, ({ id }) => id === 'transit0', { balanceMinor: 0n, version: 2 });
  change(contents.accounts, ({ id }) => id === 'transit1', { balanceMinor: 0n, version: 0 });
  change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 0n, version: 0 });
  change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 100n, version: 3 });
  change(invocations, ({ key, status }) => key === 'pay' && status === 503, { verdict: 'under_way', status: 202, subjectId: 't2' });
  for (const [index, one] of invocations.entries()) if (one.key === 'pay' && one.verdict === 'acknowledged') invocations[index] = { ...one, verdict: 'refused', status: 409, code: 'account_frozen', subjectId: undefined };
  return world;
}

describe('what goes to another shard', () => {
  test('a transfer that arrived, or came back, would be blamed', () => {
    expect(check(across())).toEqual([]);
    expect(check(comeBack())).toEqual([]);
  });

  const broken: [string, () => World, Rule[], (world: World) => void][] = [
    ['money that left and never arrived would pass', across, ['other_entries_than_asked'], ({ contents }) => {
      without(contents.transfers, ({ kind }) => kind === 'transit_in');
      without(contents.entries, ({ shard }) => shard === 1);
      change(contents.accounts, ({ id }) => id === 'transit1', { balanceMinor: 0n, version: 0 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 0n, version: 0 });
    }],
    ['one that is on its way for ever would pass', across, ['still_under_way'], ({ contents }) => { contents.underWay.push('t2'); }],
    ['one that arrived and came back as well would pass', comeBack, ['posted_twice', 'other_entries_than_asked', 'outcome_without_its_transfer'], ({ contents }) => {
      contents.transfers.push(transfer('t2', 'transit_in', 'pay', { shard: 1 }));
      contents.entries.push(
        { shard: 1, account: 'transit1', version: 1, transfer: 't2', currency: 'EUR', amountMinor: -30n, balanceAfterMinor: -30n },
        { shard: 1, account: 'boris', version: 1, transfer: 't2', currency: 'EUR', amountMinor: 30n, balanceAfterMinor: 30n });
      change(contents.accounts, ({ id }) => id === 'transit1', { balanceMinor: -30n, version: 1 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 30n, version: 1 });
    }],
    ['one that was acknowledged and came back would pass', comeBack, ['acknowledged_is_lost'], ({ invocations }) => {
      without(invocations, ({ key, verdict }) => key === 'pay' && verdict === 'refused');
      change(invocations, ({ verdict }) => verdict === 'under_way', { verdict: 'acknowledged' });
    }],
    ['one that was refused there and is not back would pass', across, ['refused_but_posted', 'answers_differ'], ({ invocations }) => change(invocations, ({ replayed }) => replayed, { verdict: 'refused', status: 409, code: 'account_frozen' })],
  ];
  test.each(broken)('%s', (_name, make, expected, breakIt) => {
    const world = make();
    world.readings = [];
    breakIt(world);
    expect(rules(check(world))).toEqual(expected.toSorted());
  });
});

/** Anna lets 50 be held for boris, who takes 20 of it under the second key that he tried; another 10 of hers are held still. */
function withHolds(): World {
  const world = sound();
  const { contents, invocations } = world;
  const legs = [{ account: 'anna', amountMinor: -50n }, { account: 'boris', amountMinor: 50n }];
  const taken = [{ account: 'anna', amountMinor: -20n }, { account: 'boris', amountMinor: 20n }];
  invocations.push(
    invocation('hold', 'acknowledged', { subjectId: 'h1', startMs: 100, endMs: 110, wish: { kind: 'hold', reference: 'hold', legs } }),
    invocation('held', 'acknowledged', { subjectId: 'h2', startMs: 100, endMs: 110, wish: { kind: 'hold', reference: 'held', legs } }),
    invocation('void', 'refused', { status: 409, code: 'hold_not_open', startMs: 130, endMs: 140, wish: { kind: 'void', reference: 'void', legs: [], hold: 'h1' } }),
    invocation('take', 'acknowledged', { subjectId: 't4', startMs: 110, endMs: 120, wish: { kind: 'capture', reference: 'take', legs: taken, hold: 'h1' } }),
    invocation('late', 'refused', { status: 409, code: 'hold_not_open', startMs: 130, endMs: 140, wish: { kind: 'capture', reference: 'late', legs: taken, hold: 'h1' } }));
  contents.keys.push(
    { shard: 0, scope: 'anna', key: 'hold', outcome: 'posted', subjectId: 'h1' }, { shard: 0, scope: 'anna', key: 'held', outcome: 'posted', subjectId: 'h2' },
    { shard: 0, scope: 'boris', key: 'take', outcome: 'posted', subjectId: 't4' }, { shard: 0, scope: 'boris', key: 'late', outcome: 'hold_not_open', subjectId: 'h1' });
  contents.holds.push(
    { shard: 0, id: 'h1', debitAccount: 'anna', creditAccount: 'boris', amountMinor: 50n, capturedMinor: 20n, status: 'captured', reference: 'hold' },
    { shard: 0, id: 'h2', debitAccount: 'anna', creditAccount: 'boris', amountMinor: 10n, capturedMinor: 0n, status: 'open', reference: 'held' });
  contents.transfers.push(transfer('t4', 'capture', 'take', { hold: 'h1' }));
  contents.entries.push(
    { shard: 0, account: 'anna', version: 3, transfer: 't4', currency: 'EUR', amountMinor: -20n, balanceAfterMinor: 50n },
    { shard: 0, account: 'boris', version: 2, transfer: 't4', currency: 'EUR', amountMinor: 20n, balanceAfterMinor: 50n });
  change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 50n, version: 3, heldMinor: 10n });
  change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 50n, version: 2 });
  return world;
}

describe('holds', () => {
  test('a hold that was captured in part would be blamed', () => {
    expect(check(withHolds())).toEqual([]);
  });

  const broken: [string, Rule[], (world: World) => void][] = [
    ['a hold that is gone would pass', ['acknowledged_is_lost', 'outcome_without_its_transfer', 'held_is_not_the_open_holds'], ({ contents }) => without(contents.holds, ({ id }) => id === 'h2')],
    ['a capture that moved no money would pass', ['acknowledged_is_lost', 'outcome_without_its_transfer', 'hold_is_not_its_capture'], ({ contents }) => {
      without(contents.transfers, ({ id }) => id === 't4');
      without(contents.entries, ({ transfer: of, account: on }) => of === 't4' && on === 'anna');
      change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 70n, version: 2 });
    }],
    ['a capture of more than was asked for would pass', ['other_entries_than_asked'], ({ invocations }) => change(invocations, ({ key }) => key === 'take', { wish: { kind: 'capture', reference: 'take', hold: 'h1', legs: [{ account: 'anna', amountMinor: -19n }, { account: 'boris', amountMinor: 19n }] } })],
    ['a second capture would pass', ['posted_twice', 'hold_is_not_its_capture', 'other_entries_than_asked', 'outcome_without_its_transfer'], ({ contents }) => {
      contents.transfers.push(transfer('t5', 'capture', 'take', { hold: 'h1' }));
      contents.entries.push(
        { shard: 0, account: 'anna', version: 4, transfer: 't5', currency: 'EUR', amountMinor: -20n, balanceAfterMinor: 30n },
        { shard: 0, account: 'boris', version: 3, transfer: 't5', currency: 'EUR', amountMinor: 20n, balanceAfterMinor: 70n });
      change(contents.accounts, ({ id }) => id === 'anna', { balanceMinor: 30n, version: 4 });
      change(contents.accounts, ({ id }) => id === 'boris', { balanceMinor: 70n, version: 3 });
    }],
    ['a void that was acknowledged and is not there would pass', ['acknowledged_is_lost'], ({ invocations }) => change(invocations, ({ key }) => key === 'void', { verdict: 'acknowledged', subjectId: 'h1' })],
    ['money that stays held for nothing would pass', ['held_is_not_the_open_holds'], ({ contents }) => change(contents.holds, ({ id }) => id === 'h2', { status: 'voided' })],
    ['a refusal of what is not held any more would pass', ['refused_without_reason'], ({ invocations }) => {
      // 50 stand and 10 are held since the capture of h1; before it, nothing above 10 could be paid.
      invocations.push(invocation('rest', 'refused', { status: 422, code: 'exceeds_balance', startMs: 125, endMs: 128, wish: { kind: 'transfer', reference: 'rest', legs: [{ account: 'anna', amountMinor: -40n }] } }));
      invocations.push(invocation('before', 'refused', { status: 422, code: 'exceeds_balance', startMs: 105, endMs: 108, wish: { kind: 'transfer', reference: 'before', legs: [{ account: 'anna', amountMinor: -11n }] } }));
    }],
    ['money that is held for two would pass', ['held_is_not_the_open_holds'], ({ contents }) => change(contents.accounts, ({ id }) => id === 'anna', { heldMinor: 5n })],
    ['a hold that says captured and was not would pass', ['hold_is_not_its_capture', 'held_is_not_the_open_holds'], ({ contents }) => change(contents.holds, ({ id }) => id === 'h2', { status: 'captured', capturedMinor: 10n })],
  ];
  test.each(broken)('%s', (_name, expected, breakIt) => {
    const world = withHolds();
    breakIt(world);
    expect(rules(check(world))).toEqual(expected.toSorted());
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
    ['more held than there is would pass', ['beyond_policy', 'held_is_not_the_open_holds'], ({ accounts }) => change(accounts, ({ id }) => id === 'anna', { heldMinor: 71n })],
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

test('a transfer that is on its way to another shard would be taken for done', () => {
  expect(understood({ status: 202, headers: {}, body: { id: 't', status: 'pending' } })).toMatchObject({ verdict: 'under_way', subjectId: 't' });
  expect(understood({ status: 201, headers: {}, body: { id: 't', status: 'posted' } }).verdict).toBe('acknowledged');
});

test('two answers that differ in their trace alone would count as different', () => {
  const told = (trace_id: string) => understood({ status: 422, headers: {}, body: { code: 'exceeds_balance', trace_id } }).answer;
  expect(told('a')).toBe(told('b'));
});
