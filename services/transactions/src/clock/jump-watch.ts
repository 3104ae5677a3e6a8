/** A reading of a clock that people set, beside one that only runs. */
export interface Reading {
  /** Milliseconds since 1970, as the shard has them. */
  readonly clock_ms: number;
  /** Milliseconds that have passed, of this process: `performance.now()`. */
  readonly passed_ms: number;
}

/** A difference that needs no explanation: readings take time, and clocks are slewed. */
const TOLERATED_MS = 60_000;
/** A clock that is wrong is mostly put right within minutes; one that was wrong stays right. */
const BELIEVED_AFTER_MS = 600_000;

/**
 * Notices that a clock has jumped, by a look at it now and then. What cannot be undone, such as letting a hold expire, waits until a jump forward has lasted
 * for ten minutes. The first reading is believed: nothing is known to compare it with.
 */
export class JumpWatch {
  private last: Reading | undefined;
  private doubted: { readonly since_ms: number } | undefined;

  /** By how much the clock has jumped since the last look: 0 if it has run as it should. */
  look(reading: Reading): number {
    const { last } = this;
    this.last = reading;
    const jump_ms = last ? reading.clock_ms - last.clock_ms - (reading.passed_ms - last.passed_ms) : 0;
    if (Math.abs(jump_ms) <= TOLERATED_MS) return 0;
    this.doubted = jump_ms > 0 ? { since_ms: reading.passed_ms } : undefined;
    return jump_ms;
  }

  /** Whether what the clock says now is to be acted upon. */
  isBelieved(): boolean {
    return !this.doubted || !this.last || this.last.passed_ms - this.doubted.since_ms >= BELIEVED_AFTER_MS;
  }
}
