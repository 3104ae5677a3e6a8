import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultsImage, images, imageTag } from '../../platform/cli/images/catalogue.ts';
import { ensureImages } from '../../platform/cli/images/ensure.ts';
import { docker, must, run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { commitUnderTest } from '../kit/evidence.ts';
import { Platform } from '../kit/platform.ts';
import { append, harnessHash } from './results.ts';
import { FaultRun } from './run.ts';

const USAGE = `npm run test:faults -- [--seed N] [--faults M] [--instance NAME] [--no-record] [--keep]
  --seed      whole number; the schedule of faults and what clients ask for follow from it (default: drawn)
  --faults    how many strike (default 20); more than 20 run in parts of 20 with the seeds N, N+1, ...; run again, it goes on with the part that is missing
  --instance  a running instance (default: one of its own, port ${18_543}, brought up and taken down)
  --no-record leaves tests/faults/RESULTS.md as it is
  --keep      leaves the instance of its own running
Exit status: 0 no violation, 1 violations, 2 wrong arguments`;

const FAULTS_A_PART = 20;
const REPORTS = join(PROJECT, '.holdfast', 'test-reports', 'faults');
const OWN_INSTANCE = 'holdfast-faults';
const EXIT_INTERRUPTED = 130;
const OWN_PORT = 18_543;
/** Violations may come in thousands; the files have them all. */
const SHOWN = 20;

interface Options {
  seed: number;
  faults: number;
  instance: string | undefined;
  record: boolean;
  keep: boolean;
}

async function main(): Promise<number> {
  const options = optionsOf();
  if (!options) {
    console.error(USAGE);
    return 2;
  }
  const name = options.instance ?? OWN_INSTANCE;
  process.env.HOLDFAST_INSTANCE = name;
  if (!options.instance) await must(join(PROJECT, 'holdfast'), ['--instance', name, 'up', '--port', String(OWN_PORT)], { inherit: true });
  try {
    return await allParts(options);
  } finally {
    if (!options.instance && !options.keep) await run(join(PROJECT, 'holdfast'), ['--instance', name, 'down', '--purge', '--yes'], { inherit: true });
  }
}

/** In parts that a machine can be lent for, each with a result of its own. What was sound with this seed, this harness and these images is not done again. */
async function allParts(options: Options): Promise<number> {
  const parts = Math.ceil(options.faults / FAULTS_A_PART);
  const progress = new Progress(options, parts, await imagesUnderTest());
  let failed = 0;
  for (let part = 0; part < parts; part++) {
    const seed = options.seed + part;
    const faults = Math.min(FAULTS_A_PART, options.faults - part * FAULTS_A_PART);
    if (progress.isDone(seed)) {
      say(`seed ${seed}: done before`);
      continue;
    }
    const sound = await onePart({ ...options, seed, faults });
    if (sound) progress.done(seed);
    else failed++;
  }
  return failed === 0 ? 0 : 1;
}

async function onePart(options: Options): Promise<boolean> {
  const { seed, faults } = options;
  say(`seed ${seed}, ${faults} faults`);
  const platform = await Platform.attach();
  try {
    const image = await helperImage(platform.instance.settings.registry);
    const faultRun = new FaultRun({ platform, image, seed, faults, say });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void faultRun.undo().finally(() => process.exit(EXIT_INTERRUPTED)));
    const outcome = await faultRun.run();
    for (const { rule, about, detail } of outcome.violations.slice(0, SHOWN)) say(`VIOLATION ${rule}: ${about}: ${detail.slice(0, 600)}`);
    say(`seed ${seed}: ${outcome.operations} operations, ${outcome.unknown} unknown outcomes, ${outcome.violations.length} violations, ${outcome.seconds} s; all of it in ${outcome.directory}`);
    if (outcome.violations.length > 0) say(`replay:  npm run test:faults -- --seed ${seed} --faults ${faults}`);
    if (options.record) {
      const { operations, unknown, violations, seconds } = outcome;
      append({ date: new Date().toISOString().slice(0, 16).replace('T', ' '), seed, faults, operations, unknown, violations: violations.length, seconds, commit: commitUnderTest(), harness: harnessHash() });
    }
    return outcome.violations.length === 0;
  } finally {
    platform.close();
  }
}

/** Which parts of a long run are done, in a file that outlives it. */
class Progress {
  private readonly file: string;

  constructor(options: Options, parts: number, tested: string) {
    mkdirSync(REPORTS, { recursive: true });
    // A single part is run as often as it is asked for.
    this.file = parts > 1 ? join(REPORTS, `progress-${options.seed}-${options.faults}-${harnessHash()}-${tested}.json`) : '';
  }

  isDone(seed: number): boolean {
    return this.seeds().includes(seed);
  }

  done(seed: number): void {
    if (this.file) writeFileSync(this.file, JSON.stringify([...this.seeds(), seed]));
  }

  private seeds(): number[] {
    return this.file && existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as number[]) : [];
  }
}

/** The images of all containers, in one short hash: what a result is true of. */
async function imagesUnderTest(): Promise<string> {
  const platform = await Platform.attach();
  platform.close();
  const containers = (await platform.containers()).map(({ id }) => id);
  const ids = (await docker('inspect', '-f', '{{.Name}} {{.Image}}', ...containers)).split('\n').toSorted().join('\n');
  return createHash('sha256').update(ids).digest('hex').slice(0, 12);
}

async function helperImage(registry: string): Promise<string> {
  mkdirSync(REPORTS, { recursive: true });
  await ensureImages(registry, REPORTS, say, [...images.filter(({ name }) => name === 'base'), faultsImage]);
  return imageTag(registry, faultsImage.name);
}

function optionsOf(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { seed: { type: 'string' }, faults: { type: 'string' }, instance: { type: 'string' }, 'no-record': { type: 'boolean' }, keep: { type: 'boolean' } } });
    const number = (text: string | undefined, otherwise: number): number => (text === undefined ? otherwise : Number(text));
    const options = { seed: number(values.seed, randomInt(1, 1_000_000)), faults: number(values.faults, FAULTS_A_PART), instance: values.instance, record: !values['no-record'], keep: values.keep ?? false };
    return [options.seed, options.faults].every((value) => Number.isSafeInteger(value) && value > 0) ? options : undefined;
  } catch {
    return undefined;
  }
}

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`);
}

process.exitCode = await main();
