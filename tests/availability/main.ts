/** `npm run bench:availability`: how long writes stand still when a leader is lost, as the writers see it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultsImage, images, imageTag } from '../../platform/cli/images/catalogue.ts';
import { ensureImages } from '../../platform/cli/images/ensure.ts';
import { must, run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { circumstances } from '../bench/save-results.ts';
import { HEALED_AT_WORK } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { Clients } from './clients.ts';
import { measure } from './measure.ts';
import { holds, markdown, save, type Measured, type Results } from './report.ts';
import { scenarios, World, type Scenario } from './scenarios.ts';

const OWN_INSTANCE = 'holdfast-availability';
const OWN_PORT = 18_643;
const USAGE = `npm run bench:availability -- [--only NAME]... [--runs N] [--instance NAME] [--keep]
  --only      one scenario (again for more): ${scenarios.map(({ name }) => name).join(', ')}
  --runs      of each, 1 to 100 (default 10)
  --instance  a running instance (default: one of its own, port ${OWN_PORT}, brought up and taken down)
  --keep      leaves the instance of its own running
Results: tests/bench/results/. Exit status: 0 every run within its limit and nothing lost, 1 not, 2 wrong arguments.`;

interface Options {
  scenarios: readonly Scenario[];
  runs: number;
  instance: string | undefined;
  keep: boolean;
}

const say = (line: string): void => console.error(`${new Date().toISOString().slice(11, 19)}  ${line}`);
const options = optionsOf();
if (options) process.exitCode = await main(options);
else {
  console.error(USAGE);
  process.exitCode = 2;
}

async function main({ scenarios: chosen, runs, instance, keep }: Options): Promise<number> {
  const name = instance ?? OWN_INSTANCE;
  process.env.HOLDFAST_INSTANCE = name;
  if (!instance) await must(join(PROJECT, 'holdfast'), ['--instance', name, 'up', '--port', String(OWN_PORT)], { inherit: true });
  try {
    const results = await measureAll(chosen, runs);
    say(`saved: ${save(results)}`);
    console.log(markdown(results));
    return results.measured.every(holds) ? 0 : 1;
  } finally {
    if (!instance && !keep) await run(join(PROJECT, 'holdfast'), ['--instance', name, 'down', '--purge', '--yes'], { inherit: true });
  }
}

async function measureAll(chosen: readonly Scenario[], runs: number): Promise<Results> {
  const found = circumstances('bench:availability');
  const platform = await Platform.attach();
  try {
    await platform.healthy(HEALED_AT_WORK);
    const clients = await Clients.gather(platform, say);
    const world = new World(platform, await helperImage(platform.instance.settings.registry));
    clients.start();
    const measured: Measured[] = [];
    try {
      for (const scenario of chosen) measured.push({ scenario, runs: await measure(world, clients, scenario, runs, say) });
    } finally {
      await clients.stop();
    }
    return { ...found, measured };
  } finally {
    platform.close();
  }
}

async function helperImage(registry: string): Promise<string> {
  const logs = join(PROJECT, '.holdfast', 'test-reports');
  mkdirSync(logs, { recursive: true });
  await ensureImages(registry, logs, say, [...images.filter(({ name }) => name === 'base'), faultsImage]);
  return imageTag(registry, faultsImage.name);
}

function optionsOf(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, runs: { type: 'string', default: '10' }, instance: { type: 'string' }, keep: { type: 'boolean', default: false } } });
    const chosen = values.only === undefined ? scenarios : values.only.map((name) => scenarios.find((one) => one.name === name));
    const runs = Number(values.runs);
    if (!Number.isInteger(runs) || runs < 1 || runs > 100 || chosen.some((one) => one === undefined)) return undefined;
    return { scenarios: chosen as readonly Scenario[], runs, instance: values.instance, keep: values.keep };
  } catch {
    return undefined;
  }
}
