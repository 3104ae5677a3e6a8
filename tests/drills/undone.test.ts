import { expect, test } from '@jest/globals';
import type { Invocation, Reading, Verdict, Wish } from '../faults/history.ts';
import type { Contents } from '../faults/ledger-contents.ts';
import { takeOutUndone, type Undoing } from './undone.ts';

const MOMENT: Undoing = { momentMs: 1_000, placedMs: 5_000, isChosen: true };
const EMPTY: Contents = { accounts: [], transfers: [], entries: [], keys: [], holds: [], underWay: [], sums: [] };

function asked(key: string, atMs: number, verdict: Verdict = 'acknowledged', kind: Wish['kind'] = 'transfer'): Invocation {
  return { key, person: 'somebody', wish: { kind, legs: [], reference: key, ...(kind === 'void' && { hold: `${key}-hold` }) }, startMs: atMs, endMs: atMs + 10, verdict, status: 201, code: undefined, subjectId: `${key}-id`, answer: '', replayed: false };
}

function withTransfers(...keys: string[]): Contents {
  return {
    ...EMPTY,
    transfers: keys.map((key) => ({ shard: 0, id: `${key}-id`, kind: 'transfer', reference: key, reverses: undefined, hold: undefined })),
    keys: keys.map((key) => ({ shard: 0, scope: '', key, outcome: 'posted', subjectId: `${key}-id` })),
  };
}

function taken(invocations: Invocation[], contents: Contents, undoing = MOMENT, readings: Reading[] = []): { left: string[]; wrong: string[] } {
  const history = { invocations, readings };
  const { violations } = takeOutUndone(history, contents, undoing);
  return { left: history.invocations.map(({ key }) => key), wrong: violations.map(({ about }) => about) };
}

test('what was acknowledged before the moment could be forgiven', () => {
  expect(taken([asked('before', 500), asked('after', 2_000)], EMPTY)).toEqual({ left: ['before'], wrong: [] });
});

test('what came after the restore could be forgiven', () => {
  expect(taken([asked('later', 5_001)], EMPTY).left).toEqual(['later']);
});

test('what is in the middle, and there, could be forgotten', () => {
  expect(taken([asked('across', 995)], withTransfers('across'))).toEqual({ left: ['across'], wrong: [] });
});

test('what was asked for after a chosen moment and is still there could be overlooked', () => {
  expect(taken([asked('after', 2_000)], withTransfers('after'))).toEqual({ left: ['after'], wrong: ['after'] });
  expect(taken([asked('after', 2_000)], withTransfers('after'), { ...MOMENT, isChosen: false }).wrong).toEqual([]);
});

test('a replay of what was done before the moment could be taken for something new', () => {
  expect(taken([asked('before', 500), asked('before', 2_000)], withTransfers('before'))).toEqual({ left: ['before', 'before'], wrong: [] });
});

test('a hold that is open again, or was voided anew, could be taken for a void that is there', () => {
  const voided = asked('v', 2_000, 'acknowledged', 'void');
  const hold = (status: 'open' | 'voided'): Contents => ({ ...EMPTY, holds: [{ shard: 0, id: 'v-hold', debitAccount: '', creditAccount: '', amountMinor: 1n, capturedMinor: 0n, status, reference: undefined }] });
  expect(taken([voided], hold('open')).left).toEqual([]);
  expect(taken([voided], hold('voided'), { ...MOMENT, isChosen: false }).left).toEqual([]);
  const underItsKey = { ...hold('voided'), keys: [{ shard: 0, scope: '', key: 'v', outcome: 'posted', subjectId: 'v-hold' }] };
  expect(taken([voided], underItsKey, { ...MOMENT, isChosen: false }).left).toEqual(['v']);
});

test('a refusal on a balance that is gone could be held against what was posted since under its key', () => {
  expect(taken([asked('refused', 2_000, 'refused'), asked('refused', 6_000)], withTransfers('refused')).left).toEqual(['refused']);
});

test('an error of a ledger that had lost rows could be held against the one that was restored', () => {
  expect(taken([{ ...asked('broken', 2_000, 'unknown'), status: 500 }, { ...asked('away', 3_000, 'unknown'), status: 503 }, asked('broken', 6_000)], withTransfers('broken')).left).toEqual(['away', 'broken']);
});

test('a balance that was read in the undone time could be held against the ledger', () => {
  const readings = [{ account: 'a', startMs: 2_000, endMs: 2_010, balanceMinor: 1n }, { account: 'a', startMs: 6_000, endMs: 6_010, balanceMinor: 2n }];
  taken([], EMPTY, MOMENT, readings);
  expect(readings.map(({ balanceMinor }) => balanceMinor)).toEqual([2n]);
});
