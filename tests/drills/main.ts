import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { hashOf, record } from '../kit/evidence.ts';
import { Platform } from '../kit/platform.ts';
import type { Drill } from './drill.ts';
import { drills } from './drills.ts';
import { PROVEN } from './proven.ts';
import { Rehearsal, type Outcome } from './rehearsal.ts';
import { parseShard, shardOf, type Shard } from './shard.ts';

const USAGE = `npm run test:drills -- [--instance NAME] [--few | --only PAGE[,PAGE]] [--shard I/N] [--again] [--no-record]
  --instance  a running instance (default: HOLDFAST_INSTANCE); it is broken, and mended by the pages
  --few       the four short ones
  --only      those of these pages
  --shard     the I-th of N parts
  --again     also what passed before with this page, this drill and these images
  --no-record leaves runbooks/PROVEN.md as it is
Exit status: 0 all passed, 1 one did not, 2 wrong arguments`;

const REPORTS = join(PROJECT, '.holdfast', 'test-reports', 'drills');
/** What all drills are made with: a pass is true of this, too. */
const HARNESS = ['tests/drills/rehearsal.ts', 'tests/drills/damage.ts', 'tests/drills/undone.ts', 'tests/drills/audit-trail.ts', 'tests/faults/read-ledger.ts', 'runbooks/runner/run-page.ts', 'runbooks/runner/session.ts', 'runbooks/runner/expectation.ts', 'tests/faults/check-history.ts', 'tests/faults/check-ledger.ts'];

interface Options {
  few: boolean;
  only: string[];
  shard: Shard;
  again: boolean;
  record: boolean;
}

async function main(): Promise<number> {
  const options = optionsOf();
  if (!options) {
    console.error(USAGE);
    return 2;
  }
  mkdirSync(REPORTS, { recursive: true });
  const platform = await Platform.attach();
  try {
    return await allOf(chosen(options), options, platform);
  } finally {
    platform.close();
  }
}

/** One after the other, on one platform; after one that did not pass the platform is not whole, and the rest would fail for its sake. */
async function allOf(wanted: readonly Drill[], options: Options, platform: Platform): Promise<number> {
  const rehearsal = new Rehearsal(platform, say);
  const results: { name: string; verdict: 'passed' | 'passed before' | 'failed' | 'not made'; seconds: number; why: string }[] = [];
  const images = await imagesOf(platform);
  for (const drill of wanted) {
    const { page } = drill;
    if (results.some(({ verdict }) => verdict === 'failed')) results.push({ name: page, verdict: 'not made', seconds: 0, why: 'the one before it left the platform broken' });
    else if (!options.again && memory()[page] === hashOfPass(page, images)) {
      say(`${page}: passed before`);
      results.push({ name: page, verdict: 'passed before', seconds: 0, why: '' });
    } else {
      const outcome = await rehearsal.drill(drill).catch((error: unknown) => failed(page, error));
      tell(outcome);
      results.push({ name: page, verdict: outcome.faults.length === 0 ? 'passed' : 'failed', seconds: outcome.seconds, why: outcome.faults.join('\n') });
      if (outcome.faults.length === 0) remember(page, images, outcome, options.record);
    }
    writeFileSync(join(REPORTS, 'results.json'), JSON.stringify(results, null, 1));
  }
  return results.length > 0 && results.every(({ verdict }) => verdict.startsWith('passed')) ? 0 : 1;
}

function tell({ page, faults, seconds, backAfter_s, noWriteFor_s, acknowledged, lost }: Outcome): void {
  for (const fault of faults.slice(0, 20)) say(`${page}: FAULT ${fault}`);
  if (faults.length > 20) say(`${page}: and ${faults.length - 20} more, in ${join(REPORTS, page)}`);
  say(`${page}: ${faults.length === 0 ? 'passed' : 'FAILED'}, back after ${backAfter_s} s, no write for ${noWriteFor_s} s, ${lost} of ${acknowledged} acknowledged lost, ${seconds} s in all`);
}

function failed(page: string, error: unknown): Outcome {
  return { page, faults: [error instanceof Error ? (error.stack ?? error.message) : String(error)], seconds: 0, backAfter_s: 0, noWriteFor_s: 0, acknowledged: 0, lost: 0 };
}

/** For the next run, which goes on with what is missing; and, with the figures, for people. */
function remember(page: string, images: string, outcome: Outcome, isRecorded: boolean): void {
  writeFileSync(join(REPORTS, 'passed.json'), JSON.stringify({ ...memory(), [page]: hashOfPass(page, images) }, null, 1));
  if (isRecorded) record(PROVEN, { name: page, seconds: outcome.seconds, figures: [outcome.backAfter_s, outcome.noWriteFor_s, outcome.rpo_s ?? 0, outcome.acknowledged, outcome.lost] });
}

function memory(): Record<string, string> {
  const file = join(REPORTS, 'passed.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
}

function hashOfPass(page: string, images: string): string {
  return `${hashOf([...PROVEN.sourcesOf(page), ...HARNESS])} ${images}`;
}

/** The images of all containers: what a pass is true of. */
async function imagesOf(platform: Platform): Promise<string> {
  const ids = (await platform.containers()).map(({ id }) => id);
  const { stdout } = await run('docker', ['inspect', '-f', '{{.Image}}', ...ids]);
  return [...new Set(stdout.split('\n').filter(Boolean))].toSorted().map((id) => id.slice(7, 15)).join(' ');
}

function chosen({ few, only, shard }: Options): Drill[] {
  const wanted = drills.filter(({ page, inEveryTest }) => (only.length > 0 ? only.includes(page) : !few || inEveryTest));
  return shardOf(wanted, shard);
}

function optionsOf(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { instance: { type: 'string' }, few: { type: 'boolean' }, only: { type: 'string' }, shard: { type: 'string' }, again: { type: 'boolean' }, 'no-record': { type: 'boolean' } } });
    if (values.instance) process.env.HOLDFAST_INSTANCE = values.instance;
    const only = values.only?.split(',') ?? [];
    if (only.some((page) => !drills.some((drill) => drill.page === page))) return undefined;
    return { few: values.few ?? false, only, shard: parseShard(values.shard ?? '1/1'), again: values.again ?? false, record: !values['no-record'] };
  } catch {
    return undefined;
  }
}

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`);
}

process.exitCode = await main();
