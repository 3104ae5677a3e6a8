import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import { SECTIONS, type Block, type Fault, type Page } from './page.ts';
import { KNOWN_TOOLS, look } from './shell.ts';

/** Says what is wrong with the words behind ./holdfast, or nothing. */
export type Judge = (words: readonly string[]) => string | undefined;

const WANT_BLOCKS = ['Look', 'Check'];

/** Everything that is wrong with a page, in the order of its lines. */
export function faultsOf(page: Page, judge: Judge): Fault[] {
  return [...page.faults, ...headFaults(page), ...sectionFaults(page), ...blockFaults(page, judge), ...linkFaults(page)].toSorted((a, b) => a.line - b.line);
}

function headFaults({ name, title, means, hits }: Page): Fault[] {
  const rules: [boolean, string][] = [
    [title === name, `the title is "${title}", the file's name ${name}`],
    [means !== '' && hits !== '', 'a paragraph "**Means**: … **Hits**: …" belongs before the first section'],
  ];
  return rules.filter(([holds]) => !holds).map(([, what]) => ({ line: 1, what }));
}

function sectionFaults({ sections }: Page): Fault[] {
  const names = sections.map(({ name }) => name);
  const faults: Fault[] = [];
  if (names.join() !== SECTIONS.join()) faults.push({ line: sections[0]?.line ?? 1, what: `the sections are ${names.join(', ') || 'none'}; they should be ${SECTIONS.join(', ')}` });
  for (const { name, line, text, blocks } of sections) {
    if (text.trim() === '') faults.push({ line, what: `${name} is empty: say so if nothing is to be done` });
    if (WANT_BLOCKS.includes(name) && blocks.length === 0) faults.push({ line, what: `${name} wants a block that shows it` });
    if (name === 'Act' && blocks.length === 0 && !/\bnothing\b/i.test(text)) faults.push({ line, what: 'Act has no block, and does not say that nothing is to be done' });
  }
  return faults;
}

function blockFaults({ needs, sections }: Page, judge: Judge): Fault[] {
  const known = new Set(needs.map(({ name }) => name));
  return sections.flatMap(({ blocks }) => blocks).flatMap((block) => {
    const say = (what: string): Fault => ({ line: block.line, what });
    const syntax = spawnSync('bash', ['-n'], { input: block.source, encoding: 'utf8' });
    if (syntax.status !== 0) return [say(`bash does not understand it: ${syntax.stderr.trim()}`)];
    try {
      return commandFaults(block, known, judge).map(say);
    } catch (error) {
      return [say((error as Error).message)];
    }
  });
}

function commandFaults({ source, expectation }: Block, known: Set<string>, judge: Judge): string[] {
  const { commands, reads, assigns } = look(source);
  const faults = reads.filter((name) => !known.has(name) && !assigns.includes(name)).map((name) => `$${name} is not among what the page needs, nor assigned before`);
  for (const name of assigns) known.add(name);
  if (commands.length === 0 && assigns.length === 0) faults.push('this block runs nothing');
  for (const { words: [program = '', ...words] } of commands) {
    if (program === 'sleep') faults.push('a page does not sleep: let within= wait for what is to come');
    else if (program === './holdfast') faults.push(...[judge(words)].filter((fault) => fault !== undefined));
    else if (program === 'holdfast') faults.push('a person types ./holdfast');
    else if (!KNOWN_TOOLS.has(program)) faults.push(`"${program}" is no command of ./holdfast and none of the tools that are everywhere (shell.ts)`);
  }
  if (expectation.withinMs !== undefined && expectation.texts.length === 0 && expectation.absent.length === 0 && expectation.exit !== 0) faults.push('within= waits for an exit status that any mistake has: expect a text, too');
  return faults;
}

function linkFaults({ file, links }: Page): Fault[] {
  return links
    .filter(({ href }) => !/^(https?:|#)/.test(href))
    .filter(({ href }) => !existsSync(join(PROJECT, dirname(file), href.replace(/#.*/, ''))))
    .map(({ line, href }) => ({ line, what: `the link leads nowhere: ${href}` }));
}
