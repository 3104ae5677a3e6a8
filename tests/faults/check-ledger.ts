import type { Violation } from './check-history.ts';
import type { AccountRow, Contents, EntryRow } from './ledger-contents.ts';

/** Holds the ledger against the rules of double entry: nothing here knows what anybody asked for. */
export function checkLedger(contents: Contents): Violation[] {
  const entriesOn = Map.groupBy(contents.entries, ({ account }) => account);
  return [
    ...sums(contents),
    ...transfersThatDoNotBalance(contents),
    ...contents.underWay.map((id): Violation => ({ rule: 'still_under_way', about: id, detail: 'it has left its shard, and neither arrived on the other nor come back' })),
    ...holds(contents),
    ...contents.accounts.flatMap((account) => chain(account, (entriesOn.get(account.id) ?? []).toSorted((a, b) => a.version - b.version))),
  ];
}

/** Every amount has its opposite, on whichever shard: nothing is made, nothing is lost, also between the shards. */
function sums({ sums }: Contents): Violation[] {
  return [...Map.groupBy(sums, ({ currency }) => currency)].flatMap(([currency, rows]) => {
    const balances = rows.reduce((sum, { balancesMinor }) => sum + balancesMinor, 0n);
    const entries = rows.reduce((sum, { entriesMinor }) => sum + entriesMinor, 0n);
    return balances === 0n && entries === 0n ? [] : [{ rule: 'sum_is_not_zero' as const, about: currency, detail: `balances of all shards sum to ${balances}, entries to ${entries}` }];
  });
}

/** Of transfers that were read whole: of others only that entry is here which stands on an account of the platform. */
function transfersThatDoNotBalance({ transfers, entries }: Contents): Violation[] {
  const whole = new Set(transfers.map(({ id }) => id));
  return [...Map.groupBy(entries.filter(({ transfer }) => whole.has(transfer)), ({ shard, transfer, currency }) => `${transfer} in ${currency} on shard ${shard}`)].flatMap(([about, legs]) => {
    const sum = legs.reduce((total, { amountMinor }) => total + amountMinor, 0n);
    return sum === 0n ? [] : [{ rule: 'entries_of_a_transfer_do_not_balance' as const, about, detail: `${legs.length} entries sum to ${sum}` }];
  });
}

/** An account holds what its open holds reserve, and a hold that says captured has one capture, of what it says. */
function holds({ accounts, holds, transfers, entries }: Contents): Violation[] {
  const open = Map.groupBy(holds.filter(({ status }) => status === 'open'), ({ debitAccount }) => debitAccount);
  const held = accounts.flatMap(({ id, heldMinor }): Violation[] => {
    const reserved = (open.get(id) ?? []).reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
    return reserved === heldMinor ? [] : [{ rule: 'held_is_not_the_open_holds', about: id, detail: `the account says ${heldMinor}, its open holds ${reserved}` }];
  });
  const captures = Map.groupBy(transfers, ({ hold }) => hold);
  const entriesOf = Map.groupBy(entries, ({ transfer }) => transfer);
  return [...held, ...holds.flatMap(({ id, status, capturedMinor, debitAccount }): Violation[] => {
    const made = captures.get(id) ?? [];
    const moved = made.flatMap((capture) => entriesOf.get(capture.id) ?? []).filter(({ account }) => account === debitAccount).reduce((sum, { amountMinor }) => sum - amountMinor, 0n);
    const fits = made.length === (status === 'captured' ? 1 : 0) && moved === capturedMinor;
    return fits ? [] : [{ rule: 'hold_is_not_its_capture', about: id, detail: `it says ${status} of ${capturedMinor}; ${made.length} captures moved ${moved}` }];
  })];
}

/** Entries are numbered 1, 2, 3 … and each balance is the one before it and the amount; the account's own is that of the last one; none is beyond what the account may owe. */
function chain(account: AccountRow, entries: readonly EntryRow[]): Violation[] {
  const violations: Violation[] = [];
  let balanceMinor = 0n;
  for (const [index, entry] of entries.entries()) {
    const place = `entry ${entry.version}`;
    if (entry.version !== index + 1) {
      violations.push({ rule: 'chain_of_entries_is_broken', about: account.id, detail: `${place} stands where entry ${index + 1} should` });
      return violations;
    }
    balanceMinor += entry.amountMinor;
    if (entry.balanceAfterMinor !== balanceMinor) {
      violations.push({ rule: 'chain_of_entries_is_broken', about: account.id, detail: `after ${place} stands ${entry.balanceAfterMinor}, which should be ${balanceMinor}` });
      return violations;
    }
    if (entry.currency !== account.currency) violations.push({ rule: 'chain_of_entries_is_broken', about: account.id, detail: `${place} is in ${entry.currency}, the account in ${account.currency}` });
    if (owedMinor(account, balanceMinor) > (account.overdraftLimitMinor ?? owedMinor(account, balanceMinor))) violations.push({ rule: 'beyond_policy', about: account.id, detail: `after ${place} stands ${balanceMinor}` });
  }
  if (account.balanceMinor !== balanceMinor || account.version !== entries.length) {
    violations.push({ rule: 'balance_is_not_the_last_entry', about: account.id, detail: `the account says ${account.balanceMinor} after ${account.version} entries; the ${entries.length} entries say ${balanceMinor}` });
  }
  if (account.overdraftLimitMinor !== undefined && owedMinor(account, account.balanceMinor) + account.heldMinor > account.overdraftLimitMinor) {
    violations.push({ rule: 'beyond_policy', about: account.id, detail: `${account.balanceMinor}, of which ${account.heldMinor} are held` });
  }
  return violations;
}

/** What stands on the other side than the account's normal one; below zero, what it may still spend. */
function owedMinor(account: AccountRow, balanceMinor: bigint): bigint {
  return account.normalSide === 'credit' ? -balanceMinor : balanceMinor;
}
