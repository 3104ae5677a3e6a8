/** One piece of load, as the bench tells the generator on one line of its standard input. */
export interface LoadPlan {
  readonly target: Target;
  readonly connections: number;
  /** Load that comes before the measured time, so that connections, caches and compiled code are there. */
  readonly warmup_s: number;
  readonly seconds: number;
  /**
   * Requests a second that arrive whatever becomes of those before (open loop). Without it every connection sends its next request when it
   * has the answer to the last (closed loop), which is what pgbench does and gives the highest rate.
   */
  readonly rate?: number;
  /** Transfers in a request: 1 posts a single one, more a batch. */
  readonly batch: number;
  readonly payers: readonly Payer[];
  /** Who is credited. */
  readonly payees: readonly string[];
  readonly choice: Choice;
  readonly seed: number;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate is checked for. */
  readonly servername: string;
  readonly hostHeader: string;
  readonly ca: string;
}

/** A person: his token, and the accounts that he may debit. */
export interface Payer {
  readonly token: string;
  readonly accounts: readonly string[];
}

/** Which accounts meet: each as often as any other; by Zipf's law on both sides; everybody pays the first payee. */
export type Choice = 'uniform' | 'zipf' | 'hot';

export interface LoadResult {
  /** Measured time, for `perSecond`. */
  readonly seconds: number;
  /** Transfers that were posted within it. */
  readonly posted: number;
  /** The same with those before and after it: what the ledger must hold more than before. */
  readonly postedInAll: number;
  /** Requests, or items of a batch, of which the service could not say what became: 5xx. They may be in the ledger. */
  readonly unknown: number;
  /** Requests answered, by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Open loop: requests that were never sent, as all connections were busy and as many requests already waited. */
  readonly dropped: number;
  /** Requests whose connection broke, or that had no answer 10 s after the end. */
  readonly lost: number;
  /** From when a request was meant to be sent until its answer was whole; of those answered within the measured time. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

/** What the generator says, a JSON object a line. Between `began` and `over` it is measuring. */
export interface Said {
  readonly ready?: true;
  readonly began?: true;
  readonly over?: true;
  readonly ended?: LoadResult;
  readonly failed?: string;
}
