import { Command, InvalidArgumentError } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { described } from '../../../runbooks/runner/expectation.ts';
import type { Block, Page } from '../../../runbooks/runner/page.ts';
import { allPages, KINDS, pageNamed } from '../../../runbooks/runner/pages.ts';
import { runPage, type Step } from '../../../runbooks/runner/run-page.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { PROJECT } from '../versions.ts';

const OUTPUT_LINES_MAX = 25;

export function runbookCommand(): Command {
  const runbook = new Command('runbook').description('pages that say what to do: read them, or let them be followed step by step');
  runbook
    .command('list')
    .description('all pages, what they are about, and which were proven')
    .option('--json', 'for programs')
    .action((options: { json?: true }) => list(options.json === true));
  runbook
    .command('show')
    .description('a page as it is written')
    .argument('<name>', 'of the page, as "list" has it')
    .action((name: string) => { process.stdout.write(pageNamed(name).text); });
  runbook
    .command('run')
    .description('do what a page says, and stop at the first step that does not go as it says')
    .argument('<name>', 'of the page')
    .option('--set <NAME=value>', 'a variable that the page needs; as often as it needs any', collect, {})
    .option('--step', 'ask before each step')
    .option('--json', 'the result for programs; progress goes to standard error')
    .addHelpText('after', '\nExit status: 0 everything went as the page says, 1 it stopped (the message says where), 2 called wrongly.')
    .action(async (name: string, options: { set: Record<string, string>; step?: true; json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      await follow(pageNamed(name), instance, options);
    });
  return runbook;
}

/** For commander: gathers NAME=value. */
function collect(text: string, gathered: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('NAME=value, with the name in capitals.');
  return { ...gathered, [name]: value };
}

function list(asJson: boolean): void {
  const proven = provenPages();
  const rows = allPages().map(({ name, file, means, needs }) => ({ name, room: file.split('/')[1] ?? '', means, needs: needs.map((need) => need.name), proven: proven.get(file) ?? null }));
  if (asJson) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const kind of KINDS) {
    const pages = rows.filter(({ room }) => room === kind);
    if (pages.length > 0) console.log(`${kind}`);
    for (const { name, means, needs, proven: when } of pages) console.log(`  ${name.padEnd(width)}  ${when === null ? ' '.repeat(17) : `proven ${when}`}  ${means}${needs.length > 0 ? ` (needs ${needs.join(', ')})` : ''}`);
  }
  console.log('\nRead one:    ./holdfast runbook show NAME\nFollow one:  ./holdfast runbook run NAME --step');
}

/** The day on which a drill last passed by a page. */
function provenPages(): Map<string, string> {
  const file = join(PROJECT, 'runbooks/PROVEN.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return new Map([...text.matchAll(/^\| ([^ |]+) \| (\d{4}-\d\d-\d\d) /gm)].map(([, name = '', day = '']) => [`runbooks/procedures/${name}.md`, day]));
}

async function follow(page: Page, instance: Instance, options: { set: Record<string, string>; step?: true; json?: true }): Promise<void> {
  const say = (text: string): void => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  if (options.step && !process.stdin.isTTY) throw new UserError('--step asks before each step, and cannot ask here, without a terminal.', [], 2);
  say(`${page.name}: ${page.means}`);
  let sectionBefore = '';
  const result = await runPage(page, {
    instance: instance.name,
    variables: options.set,
    watch: {
      before: async (section, block) => {
        if (section !== sectionBefore) say(`\n== ${section}`);
        sectionBefore = section;
        say(`${marked(block.source, '$ ')}\n   (${page.file}:${block.line}; expected: ${described(block.expectation)})`);
        return options.step === undefined || goesOn(block);
      },
      hear: (text) => void (options.json ? process.stderr : process.stdout).write(text),
      after: (step) => say(step.differences.length === 0 ? `   as expected (${step.seconds} s)` : '   NOT as expected'),
    },
  });
  if (options.json) console.log(JSON.stringify(result, null, 2));
  const last = result.steps.at(-1);
  if (result.verdict === 'stopped' && last) throw stoppedAt(page, last);
  if (result.verdict === 'left') throw new UserError(`${page.name} was left before its end; what was done stays done.`);
  say(`\n${page.name}: all ${result.steps.length} steps went as expected (${result.seconds} s)`);
}

async function goesOn(_block: Block): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('   Run this? [Enter: yes, n: leave the page here] ');
  terminal.close();
  return answer.trim() === '' || /^y/i.test(answer);
}

function stoppedAt(page: Page, step: Step): UserError {
  const lines = step.output.trimEnd().split('\n');
  const shown = lines.slice(-OUTPUT_LINES_MAX).map((line) => `| ${line}`);
  return new UserError(`${page.name} stopped at ${step.file}:${step.line} (${step.section}).`, [
    ...marked(step.command, 'Command:  ').split('\n'),
    ...step.differences.map((one) => `Differs:  ${one}`),
    lines.length > shown.length ? `It said (the last ${shown.length} of ${lines.length} lines):` : 'It said:',
    ...shown,
    step.section === 'Look'
      ? 'Nothing was changed. What is expected there is the trouble that the page is about: you may have another one.  ./holdfast status'
      : `Steps before it were done. Read on there by hand:  ./holdfast runbook show ${page.name}`,
  ]);
}

function marked(text: string, mark: string): string {
  return text.split('\n').map((line, index) => `${index === 0 ? mark : ' '.repeat(mark.length)}${line}`).join('\n');
}
