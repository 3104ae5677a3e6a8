/** When an acknowledgement came, on the clock of the run. */
export interface Seen {
  /** Milliseconds from the fault to the end of the longest time without an acknowledgement: the first write that went through again. */
  readonly resumed_ms: number;
  /** That longest time itself. */
  readonly gap_ms: number;
}

/**
 * From the times of all acknowledgements and of the fault, on one clock. A gap counts from the last acknowledgement before it, also one that came before the fault.
 * Undefined where none came after the fault: then it has not healed yet.
 */
export function seen(acknowledgedMs: readonly number[], struckMs: number): Seen | undefined {
  const times = acknowledgedMs.toSorted((a, b) => a - b);
  const last = times.findLast((time) => time <= struckMs) ?? struckMs;
  let longest: Seen | undefined;
  let before = last;
  for (const time of times.filter((one) => one > struckMs)) {
    if (!longest || time - before > longest.gap_ms) longest = { resumed_ms: time - struckMs, gap_ms: time - before };
    before = time;
  }
  return longest;
}
