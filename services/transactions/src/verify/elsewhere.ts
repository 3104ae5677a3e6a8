import { setTimeout as sleep } from 'node:timers/promises';
import type { TransferId } from '../accounts/account-id.ts';
import { arrivalIdOf } from '../transit/arrival-id.ts';
import type { Check, Protocol } from './checks.ts';
import { findCaptures, findEntries, findHalves, findIds, findOutgoing, type Reader } from './pages.store.ts';

/** One shard of the ledger, as the verifier reads it. */
export interface VerifiedShard extends Reader {
  readonly number: number;
}

/** What is not on the shard where it is spoken of. A bucket may have moved, and a transfer have its other half, so another one may have it. */
export type Missing = { readonly check: Check; readonly shard: number; readonly finding: string } & (
  | { readonly what: 'account' | 'transfer' | 'hold' | 'capture' | 'outgoing'; readonly id: string }
  | { readonly what: 'entry'; readonly account: string; readonly version: bigint; readonly balanceMinor: bigint }
  | { readonly what: 'half'; readonly id: string; readonly legs: ReadonlyMap<string, string> });

/** A bucket that is just moving is on neither shard for a moment, or on both. */
const ASKED_AGAIN_MS = [0, 1_000, 3_000];

/**
 * Looks on all other shards for what one shard lacks, and takes down as findings what none has. They are asked after the shard that lacks it:
 * transfers and entries only ever come, so what they were to have by then they still have.
 */
export async function lookElsewhere(shards: readonly VerifiedShard[], missing: readonly Missing[], protocol: Protocol, patienceMs: readonly number[] = ASKED_AGAIN_MS): Promise<void> {
  let left = missing;
  for (const wait_ms of patienceMs) {
    if (left.length === 0) return;
    // Where there are findings already, patience would only multiply.
    if (wait_ms > 0 && protocol.findings() > 0) break;
    await sleep(wait_ms);
    left = await stillMissing(shards, left);
  }
  for (const { check, shard, finding } of left) protocol.found(check, shard, finding);
}

async function stillMissing(shards: readonly VerifiedShard[], missing: readonly Missing[]): Promise<Missing[]> {
  let left = [...missing];
  for (const shard of shards) {
    const asked = left.flatMap((one) => (one.shard !== shard.number ? { one, as: one } : atHome(one)));
    if (asked.length === 0) continue;
    const found = await foundOn(shard, asked.map(({ as }) => as));
    const done = new Set(asked.filter(({ as }) => found.has(as)).map(({ one }) => one));
    left = left.filter((one) => !done.has(one));
  }
  return left;
}

/** If the payee's bucket moved to the payer's shard while money was on its way there, both halves are on it, the second under an id of its own. */
function atHome(one: Missing): { one: Missing; as: Missing } | [] {
  return one.what === 'half' || one.what === 'outgoing' ? { one, as: { ...one, id: arrivalIdOf(one.id as TransferId) } } : [];
}

async function foundOn(shard: VerifiedShard, missing: readonly Missing[]): Promise<Set<Missing>> {
  const found = new Set<Missing>();
  const byId = async (what: Missing['what'], find: (ids: readonly string[]) => Promise<readonly string[]>): Promise<void> => {
    const wanted = missing.filter((one) => one.what === what);
    if (wanted.length === 0) return;
    const there = new Set(await find(wanted.map((one) => ('id' in one ? one.id : ''))));
    for (const one of wanted) if ('id' in one && there.has(one.id)) found.add(one);
  };
  await byId('account', (ids) => findIds(shard, 'accounts', ids));
  await byId('transfer', (ids) => findIds(shard, 'transfers', ids));
  await byId('hold', (ids) => findIds(shard, 'holds', ids));
  await byId('capture', (ids) => findCaptures(shard, ids));
  await byId('outgoing', (ids) => findOutgoing(shard, ids));
  const entries = missing.filter((one) => one.what === 'entry');
  if (entries.length > 0) {
    const balances = await findEntries(shard, entries);
    for (const one of entries) if (balances.get(`${one.account} ${one.version}`) === one.balanceMinor) found.add(one);
  }
  const halves = missing.filter((one) => one.what === 'half');
  if (halves.length > 0) {
    const there = await findHalves(shard, halves.map(({ id }) => id));
    for (const one of halves) if (isSame(one.legs, there.get(one.id))) found.add(one);
  }
  return found;
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string> | undefined): boolean {
  return other?.size === one.size && [...one].every(([account, amount]) => other.get(account) === amount);
}
