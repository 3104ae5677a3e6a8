/** `npm run bench:restore`: how long it takes to get a ledger of 1 GB back, and how much of what clients were told is lost. See ../README.md. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { must, run } from '../../../platform/cli/run.ts';
import { PROJECT } from '../../../platform/cli/versions.ts';
import { HEALED_AT_WORK } from '../../kit/budgets.ts';
import { Platform } from '../../kit/platform.ts';
import { circumstances } from '../save-results.ts';
import { againstCopying } from './against-copying.ts';
import { fillLedger, untilAtRest, untilRead } from './fill.ts';
import { pointInTime } from './point-in-time.ts';
import { figuresOf, markdown, save, type Results } from './report.ts';
import { wholeMachine } from './whole-machine.ts';

const PARTS = ['copying', 'point-in-time', 'machine'] as const;
type Part = (typeof PARTS)[number];
const OWN_INSTANCE = 'holdfast-restore';
const OWN_PORT = 18_743;
const USAGE = `npm run bench:restore -- [--only PART]... [--megabytes N] [--pairs N] [--machines N] [--instance NAME] [--port N] [--keep]
  --only       one part (again for more): ${PARTS.join(', ')}
  --megabytes  the size of the database of ledger0, 10 to 100000 (default 1000)
  --pairs      restores against copies, 1 to 50 (default 3)
  --machines   how often the machine is lost, 1 to 20 (default 1)
  --instance   its name (default ${OWN_INSTANCE}): made if it is not there. Its data is lost, and gets back
  --port       of an instance that is made (default ${OWN_PORT})
  --keep       leaves the instance running
Results: tests/bench/results/. Exit status: 0 every figure within its goal, 1 not, 2 wrong arguments.`;

interface Options {
  parts: readonly Part[];
  bytes: number;
  pairs: number;
  machines: number;
  instance: string;
  port: number;
  keep: boolean;
}

const say = (line: string): void => console.error(`${new Date().toISOString().slice(11, 19)}  ${line}`);
const options = optionsOf();
if (options) process.exitCode = await main(options);
else {
  console.error(USAGE);
  process.exitCode = 2;
}

async function main({ instance, port, keep, ...wanted }: Options): Promise<number> {
  process.env.HOLDFAST_INSTANCE = instance;
  const holdfast = (...words: string[]): Promise<string> => must(join(PROJECT, 'holdfast'), ['--instance', instance, ...words], { inherit: true });
  await holdfast('up', '--port', String(port));
  try {
    const results = await measureAll(wanted, holdfast);
    console.log(markdown(results));
    return figuresOf(results).every(({ holds }) => holds) ? 0 : 1;
  } finally {
    if (!keep) await run(join(PROJECT, 'holdfast'), ['--instance', instance, 'down', '--purge', '--yes'], { inherit: true });
  }
}

async function measureAll({ parts, bytes, pairs, machines }: Omit<Options, 'instance' | 'port' | 'keep'>, holdfast: (...words: string[]) => Promise<string>): Promise<Results> {
  const found = circumstances('bench:restore');
  let platform = await Platform.attach();
  try {
    await platform.healthy(HEALED_AT_WORK);
    const ledger = await fillLedger(platform, bytes, say);
    say('until every reader has what it tells');
    await untilRead(platform);
    await holdfast('backup', '--type', 'full');
    const results: Results = { ...found, ledger, machines: [] };
    say('until the platform is at rest');
    await untilAtRest();
    if (parts.includes('copying')) results.copying = await againstCopying(platform.instance, pairs, say);
    if (parts.includes('point-in-time')) results.pointInTime = await pointInTime(platform, say);
    say(`saved: ${save(results)}`);
    while (parts.includes('machine') && results.machines.length < machines) {
      results.machines.push(await wholeMachine(platform, say));
      save(results);
      platform = await Platform.attach();
    }
    return results;
  } finally {
    platform.close();
  }
}

function optionsOf(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true }, megabytes: { type: 'string', default: '1000' }, pairs: { type: 'string', default: '3' }, machines: { type: 'string', default: '1' },
        instance: { type: 'string', default: OWN_INSTANCE }, port: { type: 'string', default: String(OWN_PORT) }, keep: { type: 'boolean', default: false },
      },
    });
    const parts = PARTS.filter((part) => values.only === undefined || values.only.includes(part));
    const [megabytes, pairs, machines, port] = [whole(values.megabytes, 10, 100_000), whole(values.pairs, 1, 50), whole(values.machines, 1, 20), whole(values.port, 1, 65_535)];
    if (values.only?.some((part) => !PARTS.includes(part as Part)) || megabytes === undefined || pairs === undefined || machines === undefined || port === undefined) return undefined;
    return { parts, bytes: megabytes * 1e6, pairs, machines, instance: values.instance, port, keep: values.keep };
  } catch {
    return undefined;
  }
}

function whole(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}
