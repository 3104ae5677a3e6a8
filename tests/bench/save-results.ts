import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import { commitUnderTest } from '../kit/evidence.ts';

/** What a reader must know of a measurement to believe it. */
export interface Circumstances {
  readonly command: string;
  readonly began: string;
  readonly commit: string;
}

export function circumstances(script: string): Circumstances {
  return { command: commandLine(script), began: new Date().toISOString(), commit: commitUnderTest() };
}

/** As somebody would type it to measure again. */
export function commandLine(script: string): string {
  return [`npm run ${script}`, ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
}

export function heading(title: string, { command, began, commit }: Circumstances): string[] {
  return [`# ${title}, ${began.slice(0, 10)}`, '', `\`${command}\`, commit ${commit}, ${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB.`, ''];
}

/** Load average of the last minute: beside each figure, as others on the machine make it late. */
export function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}

/** Beside each other: what a person reads, and what it was computed from. */
export function saveResults(name: string, results: Circumstances, markdown: string): string {
  const directory = join(PROJECT, 'tests/bench/results');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${results.began.slice(0, 16).replace(':', '')}-${name}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(`${path}.md`, markdown);
  return `${path}.md`;
}
