import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check, Verdict, Watermark } from './checks.ts';

/** One restored moment, and what was found there. */
export interface ProvenPoint {
  readonly point: 'latest' | 'random';
  readonly at: string;
  readonly seconds: number;
  readonly checks: readonly Check[];
}

export interface Proof {
  readonly began_at: string;
  readonly verdict: Verdict;
  /** What would have been lost had everything been lost when the proof began; null where it could not be told. */
  readonly rpo_seconds: number | null;
  /** From the first byte of the restore until every cluster answered. */
  readonly rto_seconds: number | null;
  readonly points: readonly ProvenPoint[];
  /** Why it ended early, if it did. */
  readonly trouble: string | null;
}

/** What lasts: the last proof, when the last one succeeded, and what the next is held against. */
export interface Kept {
  readonly last: Proof | null;
  readonly last_success_at: string | null;
  readonly watermark: Watermark | null;
}

const fileIn = (directory: string): string => join(directory, 'result.json');

export async function readKept(directory: string): Promise<Kept> {
  return existsSync(fileIn(directory)) ? (JSON.parse(await readFile(fileIn(directory), 'utf8')) as Kept) : { last: null, last_success_at: null, watermark: null };
}

/** Writes the result, and its metrics in Prometheus' text format, which the scheduler of backups serves: this container has no network. */
export async function keep(directory: string, kept: Kept): Promise<void> {
  await replace(fileIn(directory), JSON.stringify(kept, null, 2) + '\n');
  await replace(join(directory, 'metrics.prom'), metricsText(kept));
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o644, flush: true });
  await rename(`${path}.new`, path);
}

export function metricsText({ last, last_success_at }: Kept): string {
  const metric = (name: string, help: string, value: number | null): string => (value === null ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`);
  return [
    metric('restore_proof_last_success_timestamp_seconds', 'When a restore of the backups was last proven, in seconds since 1970; 0 means never', last_success_at === null ? 0 : Date.parse(last_success_at) / 1000),
    metric('restore_proof_result', '1 if the last proof succeeded; 0 if something was wrong, or could not be looked at', last?.verdict === 'passed' ? 1 : 0),
    metric('restore_proof_rpo_seconds', 'What would have been lost had everything been lost when the last proof began', last?.rpo_seconds ?? null),
    metric('restore_proof_rto_seconds', 'How long the last proof took to restore every cluster, beside everything else on this machine', last?.rto_seconds ?? null),
  ].join('');
}
