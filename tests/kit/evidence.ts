import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';

/** A table of what was shown by running it: one row a name, of the last run that passed. Only runs write it. */
export interface EvidenceTable {
  /** A Markdown file. What stands above the table is people's, and stays. */
  readonly file: string;
  /** What the names are: the heading of the first column. */
  readonly names: string;
  /** Headings of what this table tells beside what all of them do. */
  readonly figures: readonly string[];
  /** What a row is true of: after a change of any of it it has to be shown again. */
  readonly sourcesOf: (name: string) => readonly Source[];
}

/** A file, from the project's root; or a part of one, by a name and its text. */
export type Source = string | { readonly name: string; readonly text: string };

export interface Evidence {
  readonly name: string;
  readonly seconds: number;
  /** In the order of the table's headings. */
  readonly figures: readonly (string | number)[];
}

interface Row {
  readonly name: string;
  readonly cells: string;
  readonly hash: string;
  readonly seal: string;
}

const HASH_LENGTH = 12;

/** Puts a pass into its table, in the place of the one that the name had. */
export function record(table: EvidenceTable, evidence: Evidence, commit: string = commitUnderTest()): void {
  if (evidence.figures.length !== table.figures.length) throw new Error(`${evidence.name}: ${evidence.figures.length} figures for ${table.figures.length} columns of ${table.file}`);
  const text = existsSync(table.file) ? readFileSync(table.file, 'utf8') : '';
  const others = rowsOf(text).filter(({ name }) => name !== evidence.name);
  const rows = [...others, rowFor(table, evidence, commit)].toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  const headings = [table.names, 'passed (UTC)', 'seconds', ...table.figures, 'commit', 'hash', 'seal'];
  const lines = [headings, headings.map(() => '---')].map((cells) => `| ${cells.join(' | ')} |`);
  const whole = `${aboveTable(text)}${[...lines, ...rows.map(({ cells, seal }) => `| ${cells} | ${seal} |`)].join('\n')}\n`;
  writeFileSync(`${table.file}.new`, whole);
  renameSync(`${table.file}.new`, table.file);
}

/** What is wrong with a table, a sentence each: rows that no run wrote, and rows of what has been changed since. */
export function faultsOf(table: EvidenceTable): string[] {
  return rowsOf(existsSync(table.file) ? readFileSync(table.file, 'utf8') : '').flatMap(({ name, cells, hash, seal }) => {
    if (seal !== sealOf(cells)) return [`${name}: this row was not written by a run`];
    return hash === hashOf(table.sourcesOf(name)) ? [] : [`${name}: ${table.sourcesOf(name).map((source) => (typeof source === 'string' ? source : source.name)).join(' or ')} was changed since it passed: run it again, or take the row out`];
  });
}

/** Names whose row is true of the files as they are now. */
export function provenIn(table: EvidenceTable): Set<string> {
  const rows = rowsOf(existsSync(table.file) ? readFileSync(table.file, 'utf8') : '');
  return new Set(rows.filter(({ name, cells, hash, seal }) => seal === sealOf(cells) && hash === hashOf(table.sourcesOf(name))).map(({ name }) => name));
}

/** One short hash of sources and their names. A file that is not there counts as that. */
export function hashOf(sources: readonly Source[]): string {
  const hash = createHash('sha256');
  for (const source of sources) {
    if (typeof source === 'string') {
      const path = join(PROJECT, source);
      hash.update(`${source}\n`).update(existsSync(path) ? readFileSync(path) : 'missing').update('\n');
    } else hash.update(`${source.name}\n${source.text}\n`);
  }
  return hash.digest('hex').slice(0, HASH_LENGTH);
}

/** What was tested: the commit, marked if files of the product differ from it. */
export function commitUnderTest(): string {
  // Tests run as root in a container, the checkout belongs to whoever made it.
  const git = (...args: string[]): string => execFileSync('git', ['-c', `safe.directory=${PROJECT}`, '-C', PROJECT, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'services', 'platform', 'backups', 'runbooks/runner');
    return `${git('rev-parse', '--short=10', 'HEAD')}${changed ? ' and changes' : ''}`;
  } catch {
    return 'unknown';
  }
}

function rowFor(table: EvidenceTable, { name, seconds, figures }: Evidence, commit: string): Row {
  const hash = hashOf(table.sourcesOf(name));
  const cells = [name, new Date().toISOString().slice(0, 16).replace('T', ' '), seconds, ...figures, commit, hash].map((cell) => String(cell).replaceAll('|', '/')).join(' | ');
  return { name, cells, hash, seal: sealOf(cells) };
}

/** Rows are what ends in a hash and a seal. */
function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| (([^|]+?) \| .* \| ([0-9a-f]{12})) \| ([0-9a-f]{12}) \|$/gm)].map(([, cells = '', name = '', hash = '', seal = '']) => ({ name, cells, hash, seal }));
}

function aboveTable(text: string): string {
  const begins = text.search(/^\|/m);
  const above = begins < 0 ? text : text.slice(0, begins);
  return above === '' || above.endsWith('\n\n') ? above : `${above.trimEnd()}\n\n`;
}

/** No secret: it keeps honest people from mending a row by hand, as the seals of faults/RESULTS.md do. */
function sealOf(cells: string): string {
  return createHash('sha256').update(`holdfast evidence\n${cells}`).digest('hex').slice(0, HASH_LENGTH);
}
