import type { Job } from '../due.ts';

const FIRST_MS = 15_000;
const LONGEST_MS = 600_000;
/** A cluster that is only just being made is there in seconds. */
const NEW_MS = 5_000;

export type Tried = Job | { do: 'log_snapshot'; cluster: 'elasticsearch'; repository: 1 };

/** How often each job failed in a row, and when it may be tried again: later each time, so that a cluster that is away costs little. */
export class Failures {
  /** Since the start, by `backup core`: what the metrics tell. */
  readonly counted = new Map<string, number>();
  private readonly inARow = new Map<string, { count: number; notBefore: number }>();
  private readonly now: () => number;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  mayTry(job: Tried): boolean {
    return (this.inARow.get(key(job))?.notBefore ?? 0) <= this.now();
  }

  succeeded(job: Tried): void {
    this.inARow.delete(key(job));
  }

  /** Returns how long to wait, in ms. Of a cluster that has no place in the repository yet nothing is counted: it was never promised. */
  failed(job: Tried, isNew: boolean): number {
    const count = (this.inARow.get(key(job))?.count ?? 0) + 1;
    const wait_ms = isNew ? NEW_MS : Math.min(FIRST_MS * 2 ** (count - 1), LONGEST_MS);
    this.inARow.set(key(job), { count, notBefore: this.now() + wait_ms });
    const name = `${job.do} ${job.cluster}`;
    if (!isNew) this.counted.set(name, (this.counted.get(name) ?? 0) + 1);
    return wait_ms;
  }
}

/** A full that fails would otherwise keep the incremental of the same cluster from being tried, and the other way round: they are one job. */
function key(job: Tried): string {
  return `${job.do} ${job.cluster} ${job.repository}`;
}
