import { describe, expect, test } from '@jest/globals';
import { MAX_MINOR } from '@holdfast/kit/money';
import { isRefusal } from '@holdfast/kit/problem';
import fc from 'fast-check';
import type { AccountId } from '../accounts/account-id.ts';
import { decideTransfer, type Account, type Transfer } from './decide-transfer.ts';

const alice: Account = {
  id: 'alice' as AccountId, owner: 'alice', currency: 'EUR', kind: 'customer', normalSide: 'credit', overdraft: 'forbidden', status: 'open', balanceMinor: 1000n,
};
const bob: Account = { ...alice, id: 'bob' as AccountId, owner: 'bob', balanceMinor: 0n };
const cash: Account = { ...alice, id: 'cash' as AccountId, owner: 'system:cash-in', kind: 'system', normalSide: 'debit', balanceMinor: -1000n };
const byAlice: Transfer = { amountMinor: 1000n, currency: 'EUR', owner: 'alice' };
const byPlatform: Transfer = { ...byAlice, owner: undefined };

describe('a transfer', () => {
  test('of all the money is posted: one debit, one credit', () => {
    expect(decideTransfer(byAlice, alice, bob)).toEqual([
      { accountId: 'alice', amountMinor: -1000n, balanceAfterMinor: 0n },
      { accountId: 'bob', amountMinor: 1000n, balanceAfterMinor: 1000n },
    ]);
  });

  test('into the platform is posted against its cash', () => {
    expect(decideTransfer(byPlatform, cash, bob)).toEqual([
      { accountId: 'cash', amountMinor: -1000n, balanceAfterMinor: -2000n },
      { accountId: 'bob', amountMinor: 1000n, balanceAfterMinor: 1000n },
    ]);
  });

  test('may overdraw an account whose policy allows it', () => {
    expect(isRefusal(decideTransfer(byAlice, { ...alice, overdraft: 'allowed', balanceMinor: 0n }, bob))).toBe(false);
  });

  test.each<[string, Transfer, Account | undefined, Account | undefined]>([
    ['amount_not_positive', { ...byAlice, amountMinor: 0n }, alice, bob],
    ['amount_not_positive', { ...byAlice, amountMinor: -1n }, alice, bob],
    ['account_unknown', byAlice, undefined, bob],
    ['account_unknown', byAlice, alice, undefined],
    ['account_unknown', byAlice, bob, alice],
    ['account_unknown', byAlice, alice, cash],
    ['account_unknown', { ...byAlice, owner: 'system:cash-in' }, cash, alice],
    ['same_account', byAlice, alice, alice],
    ['account_frozen', byAlice, { ...alice, status: 'frozen' }, bob],
    ['account_frozen', byAlice, alice, { ...bob, status: 'closed' }],
    ['currency_differs', byAlice, alice, { ...bob, currency: 'USD' }],
    ['currency_differs', { ...byAlice, currency: 'USD' }, alice, bob],
    ['balance_too_large', byAlice, alice, { ...bob, balanceMinor: MAX_MINOR - 999n }],
    ['balance_too_large', byAlice, { ...alice, overdraft: 'allowed', balanceMinor: 999n - MAX_MINOR }, bob],
    ['exceeds_balance', { ...byAlice, amountMinor: 1001n }, alice, bob],
    ['exceeds_balance', { ...byPlatform, amountMinor: 1001n }, { ...alice, balanceMinor: 2000n }, cash],
  ])('is refused with %s', (code, transfer, debit, credit) => {
    expect(decideTransfer(transfer, debit, credit)).toEqual({ refused: code });
  });

  test('does not tell that an account of somebody else exists: frozen or in another currency, it is unknown', () => {
    expect(decideTransfer(byAlice, { ...bob, status: 'frozen', currency: 'USD' }, alice)).toEqual({ refused: 'account_unknown' });
  });
});

test('whatever is transferred, entries sum to zero and no account leaves its policy', () => {
  const transfer = fc.record({
    debit: fc.nat(4), credit: fc.nat(4), amountMinor: fc.bigInt({ min: -5n, max: 2000n }), owner: fc.constantFrom('p0', 'p1', 'p2', undefined),
  });
  fc.assert(fc.property(fc.array(transfer, { maxLength: 50 }), (transfers) => {
    const accounts: Account[] = [0, 1, 2].map((n) => ({ ...alice, id: `a${n}` as AccountId, owner: `p${n}`, balanceMinor: 0n }));
    accounts.push({ ...cash, balanceMinor: 0n }, { ...alice, id: 'credit-line' as AccountId, owner: 'p0', overdraft: 'allowed', balanceMinor: 0n });
    for (const { debit, credit, amountMinor, owner } of transfers) {
      const decision = decideTransfer({ amountMinor, currency: 'EUR', owner }, accounts[debit], accounts[credit]);
      if (isRefusal(decision)) continue;
      expect(decision[0].amountMinor + decision[1].amountMinor).toBe(0n);
      for (const [index, entry] of [[debit, decision[0]], [credit, decision[1]]] as const) {
        accounts[index] = { ...accounts[index]!, balanceMinor: entry.balanceAfterMinor };
      }
    }
    expect(accounts.reduce((sum, account) => sum + account.balanceMinor, 0n)).toBe(0n);
    expect(accounts.slice(0, 3).every((account) => account.balanceMinor >= 0n)).toBe(true);
    expect(accounts[3]!.balanceMinor).toBeLessThanOrEqual(0n);
  }));
});
