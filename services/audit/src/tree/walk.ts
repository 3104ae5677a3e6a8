import { firstFault, GENESIS_PREVIOUS_HASH, type Entry } from '../log/chain.ts';
import { Frontier, type FrontierState } from './merkle.ts';

/** Clocks of two machines may differ by as much; a time further back than that was turned back. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** Of a checkpoint, what a walk over the log holds it against. */
export interface Signed {
  readonly size: number;
  readonly root: Buffer;
  readonly time_ms: number;
}

export interface TrailFault {
  readonly fault: 'missing' | 'content_changed' | 'not_chained' | 'not_as_signed' | 'tail_cut' | 'clock_turned_back';
  /** The first and the last entry that it can be. */
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export interface WalkState extends FrontierState {
  /** Hash of the last entry, in hexadecimal. */
  readonly head: string;
  readonly recordedAt_ms: number;
  /** Up to here a checkpoint was met: a root that differs later has its cause after this. */
  readonly agreed: number;
}

export const BEGINNING: WalkState = { size: 0, hashes: [], head: GENESIS_PREVIOUS_HASH.toString('hex'), recordedAt_ms: 0, agreed: 0 };

/**
 * A walk along the log, entry by entry from the first: the chain is computed again, the tree grows with it, and at each size that was signed the root must be the
 * one that was signed. It stops at the first fault. What it needs to go on is small, and can be put aside.
 */
export class Walk {
  private readonly frontier: Frontier;
  private head: Buffer;
  private recordedAt_ms: number;
  private agreed: number;

  constructor(state: WalkState = BEGINNING, onBlock?: (block: number, subtree: Buffer) => void) {
    this.frontier = new Frontier(state, onBlock);
    this.head = Buffer.from(state.head, 'hex');
    this.recordedAt_ms = state.recordedAt_ms;
    this.agreed = state.agreed;
  }

  get size(): number {
    return this.frontier.size;
  }

  get root(): Buffer {
    return this.frontier.root();
  }

  get lastHash(): Buffer {
    return this.head;
  }

  state(): WalkState {
    return { ...this.frontier.state(), head: this.head.toString('hex'), recordedAt_ms: this.recordedAt_ms, agreed: this.agreed };
  }

  /** Takes the next entries. `signed` are all checkpoints that hold, in order of their sizes. */
  take(entries: readonly Entry[], signed: readonly Signed[]): TrailFault | undefined {
    const chainFault = firstFault({ sequence: BigInt(this.size) - 1n, hash: this.head }, entries);
    const good = chainFault ? entries.slice(0, Math.max(0, Number(chainFault.sequence) - this.size)) : entries;
    let next = signed.findIndex(({ size }) => size > this.size);
    const before = next === -1 ? signed.at(-1) : signed[next - 1];
    let signedAt_ms = before?.time_ms ?? 0;
    for (const entry of good) {
      const recordedAt_ms = Number(entry.recordedAt_ms);
      const place = this.size;
      if (recordedAt_ms < Math.max(this.recordedAt_ms, signedAt_ms) - CLOCK_TOLERANCE_MS) {
        return { fault: 'clock_turned_back', from: place, to: place, why: `entry ${place} says that it was recorded before what was there already` };
      }
      this.recordedAt_ms = Math.max(this.recordedAt_ms, recordedAt_ms);
      this.frontier.append(entry.hash);
      this.head = entry.hash;
      while (next !== -1 && signed[next]?.size === this.size) {
        const checkpoint = signed[next] as Signed;
        if (!checkpoint.root.equals(this.root)) {
          return { fault: 'not_as_signed', from: this.agreed, to: this.size - 1, why: `entries ${this.agreed} to ${this.size - 1} are not those that were signed at ${new Date(checkpoint.time_ms).toISOString()}` };
        }
        this.agreed = this.size;
        signedAt_ms = checkpoint.time_ms;
        next += 1;
      }
    }
    if (!chainFault) return undefined;
    const place = Number(chainFault.sequence);
    return { fault: chainFault.fault, from: place, to: place, why: `entry ${place}: ${chainFault.fault.replaceAll('_', ' ')}` };
  }

  /** At the end of the log: whether more was signed than there is. */
  end(signed: readonly Signed[]): TrailFault | undefined {
    const last = signed.at(-1);
    if (!last || last.size <= this.size) return undefined;
    return { fault: 'tail_cut', from: this.size, to: last.size - 1, why: `entries ${this.size} to ${last.size - 1} are gone: they were signed at ${new Date(last.time_ms).toISOString()}` };
  }
}
