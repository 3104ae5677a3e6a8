import { log } from '@holdfast/kit/logging';
import { gauge } from '@holdfast/kit/metrics';
import { underLock, type Connection } from '@holdfast/kit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { checks, type Check, type Verification } from './checks.ts';
import type { VerifiedShard } from './elsewhere.ts';
import type { Reader } from './pages.store.ts';
import { readVerifications, storeVerification, type Stored } from './verifications.store.ts';
import { verifyLedger } from './verify-ledger.ts';

const passedAt = gauge('ledger_verify_last_success_timestamp_seconds', 'When a verification of the ledger last passed; 0 if none ever has');
const finishedAt = gauge('ledger_verify_last_run_timestamp_seconds', 'When the last verification of the ledger ended, by its verdict', ['verdict']);
const findings = gauge('ledger_verify_findings', 'What the last verification found', ['check']);
const unverified = gauge('ledger_verify_unverified_checks', 'Checks that the last verification could not make to their end');
const duration = gauge('ledger_verify_duration_seconds', 'How long the last verification took');

/** Any number will do, as long as nobody else takes it in the same database. */
const VERIFIER_LOCK = 4_706_005;

/** A session that keeps a lock as long as it lives. */
export interface Sessions extends Reader {
  session<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
}

export interface VerifierOptions {
  readonly shards: readonly VerifiedShard[];
  /** Where results are kept: shard 0. */
  readonly results: Sessions;
  /** 0: never by itself. */
  readonly everyHours: number;
  readonly firstAfterMs: number;
  readonly lookEveryMs: number;
  /** See `verifyLedger`. */
  readonly rest: number;
}

/**
 * Verifies the ledger by itself, once in a while and one replica at a time, and shows as metrics what the last verification found, whoever made
 * it: every replica reads the stored result, so that it outlives them all.
 */
export class Verifier {
  private readonly options: VerifierOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(options: VerifierOptions) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.runForEver();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    const { signal } = this.stopping;
    const began = performance.now();
    while (!signal.aborted) {
      try {
        const { last, passed_s, age_s } = await readVerifications(this.options.results);
        show(last, passed_s);
        const isDue = this.options.everyHours > 0 && age_s >= this.options.everyHours * 3_600 && performance.now() - began >= this.options.firstAfterMs;
        if (isDue) await this.verifyUnlessAnotherDoes();
      } catch (cause) {
        if (!signal.aborted) log.warn('the ledger was not verified; trying on', {}, cause);
      }
      await sleep(this.options.lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async verifyUnlessAnotherDoes(): Promise<void> {
    const { shards, results, rest } = this.options;
    const verification = await verifyAlone(results, () => verifyLedger(shards, { rest, signal: this.stopping.signal }));
    if (!verification) return;
    const { last, passed_s } = await readVerifications(results);
    show(last, passed_s);
    tell(verification);
  }
}

/** Verifies and stores the result, unless somebody else is at it: then undefined. */
export async function verifyAlone(results: Sessions, verify: () => Promise<Verification>): Promise<Verification | undefined> {
  return results.session((connection) => underLock(connection, [VERIFIER_LOCK], async () => {
    const verification = await verify();
    await storeVerification(results, verification);
    return verification;
  }));
}

function show(last: Stored | undefined, passed_s: number): void {
  passedAt.set(passed_s);
  if (!last) return;
  finishedAt.reset();
  finishedAt.set({ verdict: last.verdict }, last.finished_s);
  duration.set(Number(last.duration_ms) / 1_000);
  unverified.set(last.checks.filter(({ trouble }) => trouble !== null).length);
  const counts = new Map<Check, number>((Object.keys(checks) as Check[]).map((check) => [check, 0]));
  for (const { check, findings_count } of last.checks) counts.set(check, (counts.get(check) ?? 0) + findings_count);
  for (const [check, count] of counts) findings.set({ check }, count);
}

function tell({ verdict, duration_ms, checks: results }: Verification): void {
  for (const { check, shard, findings: texts, trouble } of results) {
    for (const finding of texts) log.error('the ledger is not as it should be', { 'holdfast.check': check, 'holdfast.shard': shard, 'holdfast.finding': finding });
    if (trouble !== null) log.warn('a check of the ledger could not be made', { 'holdfast.check': check, 'holdfast.shard': shard, 'error.message': trouble });
  }
  log.info(`the ledger was verified: ${verdict}`, { 'event.action': 'ledger.verified', 'event.outcome': verdict, 'event.duration': duration_ms * 1_000_000 });
}
