import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { UserError } from '../../platform/cli/errors.ts';
import { differences } from './expectation.ts';
import type { Block, Page } from './page.ts';
import { Session } from './session.ts';

const AGAIN_MS = 500;

/** One block, run. */
export interface Step {
  readonly section: string;
  readonly file: string;
  readonly line: number;
  readonly command: string;
  /** Null if it did not end in time, or ended the shell. */
  readonly exit: number | null;
  /** How often it was run: more than once only with within=. */
  readonly runs: number;
  readonly seconds: number;
  /** Of the last run. */
  readonly output: string;
  /** What was not as expected; nothing: all of it was. */
  readonly differences: readonly string[];
}

export interface PageRun {
  readonly page: string;
  readonly verdict: 'as expected' | 'stopped' | 'left';
  readonly seconds: number;
  readonly steps: readonly Step[];
}

export interface Watch {
  /** Before a block. False: leave the page here. */
  readonly before?: (section: string, block: Block) => Promise<boolean>;
  readonly hear?: (text: string) => void;
  readonly after?: (step: Step) => void;
}

/** Runs Look, Act and Check of a page, block after block, and stops at the first that does not do and say what is expected. */
export async function runPage(page: Page, options: { instance: string; variables: Readonly<Record<string, string>>; watch?: Watch }): Promise<PageRun> {
  if (page.faults[0]) throw new UserError(`${page.file}:${page.faults[0].line} cannot be read: ${page.faults[0].what}.`);
  const watch = options.watch ?? {};
  const session = new Session(options.instance, variablesOf(page, options.variables));
  const interrupted = (): void => {
    session.end();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  const began = performance.now();
  const steps: Step[] = [];
  const run = (verdict: PageRun['verdict']): PageRun => ({ page: page.name, verdict, seconds: secondsSince(began), steps });
  try {
    for (const { name, blocks } of page.sections.filter((section) => section.name !== 'Undo')) {
      for (const block of blocks) {
        if (watch.before && !(await watch.before(name, block))) return run('left');
        const step = await runBlock(session, page, name, block, watch);
        steps.push(step);
        watch.after?.(step);
        if (step.differences.length > 0) return run('stopped');
      }
    }
    return run('as expected');
  } finally {
    process.off('SIGINT', interrupted);
    session.end();
  }
}

async function runBlock(session: Session, page: Page, section: string, block: Block, watch: Watch): Promise<Step> {
  const { withinMs, timeoutMs } = block.expectation;
  const began = performance.now();
  const deadline = began + (withinMs ?? 0);
  for (let runs = 1; ; runs++) {
    // What is run again and again would tell the same again and again.
    const outcome = await session.run(block.source, withinMs ?? timeoutMs, withinMs === undefined ? watch.hear : undefined);
    const differ = outcome.exit === undefined
      ? [`it did not end within ${(withinMs ?? timeoutMs) / 1000} s, or ended the shell`]
      : differences(block.expectation, { exit: outcome.exit, output: outcome.output });
    const isOver = differ.length === 0 || outcome.exit === undefined || performance.now() + AGAIN_MS > deadline;
    if (isOver) {
      const late = differ.length > 0 && withinMs !== undefined ? [`not within ${withinMs / 1000} s (run ${runs} times):`] : [];
      return {
        section, file: page.file, line: block.line, command: block.source, exit: outcome.exit ?? null, runs, seconds: secondsSince(began),
        output: stripVTControlCharacters(outcome.output), differences: [...late, ...differ],
      };
    }
    await pause(AGAIN_MS);
  }
}

/** What was given and what the page has by itself; throws what is missing, and what the page does not know. */
function variablesOf(page: Page, given: Readonly<Record<string, string>>): Record<string, string> {
  const unknown = Object.keys(given).filter((name) => !page.needs.some((need) => need.name === name));
  if (unknown.length > 0) throw new UserError(`${page.name} knows no ${unknown.join(', ')}.`, [page.needs.length > 0 ? `It needs:  ${page.needs.map(({ name }) => name).join(', ')}` : 'It needs nothing.'], 2);
  const missing = page.needs.filter(({ name, otherwise }) => otherwise === undefined && given[name] === undefined).map(({ name }) => name);
  if (missing.length > 0) throw new UserError(`${page.name} needs ${missing.join(', ')}.`, [`Say it:          ./holdfast runbook run ${page.name} ${missing.map((name) => `--set ${name}=…`).join(' ')}`, `What they are:   ./holdfast runbook show ${page.name}`], 2);
  return Object.fromEntries(page.needs.map(({ name, otherwise }) => [name, given[name] ?? otherwise ?? '']));
}

function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 100) / 10;
}
