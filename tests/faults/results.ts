import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One run, as it stands in RESULTS.md. */
export interface Result {
  readonly date: string;
  readonly seed: number;
  readonly faults: number;
  readonly operations: number;
  readonly unknown: number;
  readonly violations: number;
  readonly seconds: number;
  readonly commit: string;
  readonly harness: string;
}

const RESULTS = join(import.meta.dirname, 'RESULTS.md');

/** Appends a run. Nothing else writes there. */
export function append(result: Result): void {
  appendFileSync(RESULTS, rowOf(result, lastSeal(readFileSync(RESULTS, 'utf8'))));
}

/** A row of the table. Its seal covers the row and the seal before it: a row that was written, changed or taken out by hand breaks the chain. */
export function rowOf(result: Result, sealBefore: string): string {
  const { date, seed, faults, operations, unknown, violations, seconds, commit, harness } = result;
  const cells = [date, seed, faults, operations, unknown, violations, seconds, commit, harness].join(' | ');
  return `| ${cells} | ${sealOf(cells, sealBefore)} |\n`;
}

/** The rows whose seal is not that of their text. */
export function brokenSeals(table: string): string[] {
  let before = '';
  return rowsOf(table).filter(({ cells, seal }) => {
    const whole = seal === sealOf(cells, before);
    before = seal;
    return !whole;
  }).map(({ cells }) => cells);
}

function lastSeal(table: string): string {
  return rowsOf(table).at(-1)?.seal ?? '';
}

function rowsOf(table: string): { cells: string; seal: string }[] {
  return [...table.matchAll(/^\| (\d{4}-.*) \| ([0-9a-f]{12}) \|$/gm)].map(([, cells = '', seal = '']) => ({ cells, seal }));
}

function sealOf(cells: string, before: string): string {
  return createHash('sha256').update(`${before}\n${cells}`).digest('hex').slice(0, 12);
}

/** Which harness made a row: the hash of its sources, its tests left out. */
export function harnessHash(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(import.meta.dirname).toSorted()) {
    if (file.endsWith('.md') || file.endsWith('.test.ts')) continue;
    hash.update(file).update(readFileSync(join(import.meta.dirname, file)));
  }
  return hash.digest('hex').slice(0, 12);
}
