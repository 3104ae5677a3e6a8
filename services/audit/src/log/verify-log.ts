import type { Database } from '@holdfast/kit/postgres';
import { firstFault, GENESIS_PREVIOUS_HASH, hashOf, type Fault } from './chain.ts';
import { entryOf, readEntries, readEntry } from './log.store.ts';

const PAGE = 1_000;

export interface Verification {
  readonly from: bigint;
  readonly to: bigint;
  readonly verified: bigint;
  readonly fault: { readonly sequence: bigint; readonly fault: Fault } | undefined;
  /** Hash of the last entry of the range: what an auditor notes down to compare with later. */
  readonly hash: string | undefined;
}

/** Computes the chain again over entries `from` to `to`, of which none may be missing, and holds it against what is stored. */
export async function verifyLog(database: Database, from: bigint, to: bigint): Promise<Verification> {
  const before = await readEntry(database, from - 1n);
  if (!before) return { from, to, verified: 0n, fault: { sequence: from - 1n, fault: 'missing' }, hash: undefined };
  const genesisFault = before.sequence === 0n
    && !(before.previous_hash.equals(GENESIS_PREVIOUS_HASH) && hashOf(entryOf(before), GENESIS_PREVIOUS_HASH).equals(before.hash));
  if (genesisFault) return { from, to, verified: 0n, fault: { sequence: 0n, fault: 'content_changed' }, hash: undefined };
  let stand = { sequence: before.sequence, hash: before.hash };
  while (stand.sequence < to) {
    const left = to - stand.sequence;
    const entries = (await readEntries(database, { after: stand.sequence, limit: Number(left < PAGE ? left : PAGE) })).map(entryOf);
    const last = entries.at(-1);
    const fault = last ? firstFault(stand, entries) : { sequence: stand.sequence + 1n, fault: 'missing' as const };
    if (!last || fault) return { from, to, verified: (fault?.sequence ?? from) - from, fault, hash: undefined };
    stand = last;
  }
  return { from, to, verified: to - from + 1n, fault: undefined, hash: stand.hash.toString('hex') };
}

