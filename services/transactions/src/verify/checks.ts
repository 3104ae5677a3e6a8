/** What is verified, each check in the words of `holdfast ledger verify`. */
export const checks = {
  account_chain: 'the entries of every account are numbered without a gap, and each leaves the balance before it plus its amount',
  account_heads: 'balance and version of every account are those of its last entry',
  account_holds: 'what every account reserves is the sum of its open holds',
  entry_accounts: 'every entry is in an account, and in its currency',
  transfer_entries: 'every transfer has entries that sum to zero in every currency, and every entry has its transfer',
  reversals: 'every reversal takes back a whole transfer, once',
  holds: 'every captured hold has its one transfer of what was captured, and no other hold has one',
  keys: 'every idempotency key is there once, and what its answer is about exists',
  sums: 'all balances of a currency sum to zero, on every shard and over all of them',
  outbox_complete: 'every transfer has one event, which tells its entries as they are',
  outbox_sequence: 'the events are numbered without a gap, up to the watermark',
  cross_shard: 'what left a shard is in transit, has arrived once on the other, or has come back',
  guards: 'the constraints, triggers, unique indexes and grants that guard the ledger are in force',
} as const;

export type Check = keyof typeof checks;

/** `could_not_verify` is no kind of `passed`: something was not looked at. */
export type Verdict = 'passed' | 'failed' | 'could_not_verify';

/** Of how many findings of a check on a shard the text is kept. */
export const FINDINGS_TOLD = 20;

export interface CheckResult {
  readonly check: Check;
  /** Null: over all shards together. */
  readonly shard: number | null;
  readonly verdict: Verdict;
  /** Rows looked at. */
  readonly looked_at: number;
  readonly findings_count: number;
  /** The first of them. */
  readonly findings: readonly string[];
  /** Why it could not be verified. */
  readonly trouble: string | null;
}

export interface Verification {
  readonly verdict: Verdict;
  /** RFC 3339, by the clock of the process that verified. */
  readonly started_at: string;
  readonly duration_ms: number;
  readonly checks: readonly CheckResult[];
}

/** A finding outweighs what could not be looked at; nothing looked at is nothing verified. */
export function verdictOf(results: readonly { verdict: Verdict }[]): Verdict {
  if (results.some(({ verdict }) => verdict === 'failed')) return 'failed';
  return results.length === 0 || results.some(({ verdict }) => verdict === 'could_not_verify') ? 'could_not_verify' : 'passed';
}

interface Line { looked: number; count: number; findings: Set<string>; trouble: string | null; done: boolean }

/** Takes down what the checks see. A check that was begun and not ended could not verify, whatever kept it from that. */
export class Protocol {
  private readonly lines = new Map<string, Line>();

  begin(check: Check, shard: number | null): void {
    this.line(check, shard);
  }

  looked(check: Check, shard: number | null, rows: number): void {
    this.line(check, shard).looked += rows;
  }

  found(check: Check, shard: number | null, finding: string): void {
    const line = this.line(check, shard);
    line.count += 1;
    if (line.findings.size < FINDINGS_TOLD) line.findings.add(finding);
  }

  unable(check: Check, shard: number | null, trouble: string): void {
    this.line(check, shard).trouble ??= trouble;
  }

  end(check: Check, shard: number | null): void {
    this.line(check, shard).done = true;
  }

  findings(): number {
    return [...this.lines.values()].reduce((sum, { count }) => sum + count, 0);
  }

  results(): CheckResult[] {
    return [...this.lines].map(([name, line]) => {
      const [check, shard] = JSON.parse(name) as [Check, number | null];
      const whole = line.done && line.trouble === null;
      return {
        check, shard, looked_at: line.looked, findings_count: line.count, findings: [...line.findings],
        verdict: line.count > 0 ? 'failed' : whole ? 'passed' : 'could_not_verify',
        trouble: whole ? null : line.trouble ?? 'it did not come to its end',
      };
    });
  }

  private line(check: Check, shard: number | null): Line {
    const name = JSON.stringify([check, shard]);
    const line = this.lines.get(name) ?? { looked: 0, count: 0, findings: new Set<string>(), trouble: null, done: false };
    this.lines.set(name, line);
    return line;
  }
}
