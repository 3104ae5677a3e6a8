/** `npm run bench:ledger`: how fast the ledger is, as ratios to pgbench TPC-B on the same Postgres. See README.md here. */
import { parseArgs } from 'node:util';
import { imageTag } from '../../platform/cli/images/catalogue.ts';
import { BenchInstance } from './bench-instance.ts';
import { GeneratorProcess } from './generator.ts';
import { measureRow, type Bench, type RowResult } from './measure.ts';
import { measureMemory } from './memory.ts';
import { Pgbench } from './pgbench.ts';
import { report, save } from './report.ts';
import { rows } from './rows.ts';

const HELP = `Usage: npm run bench:ledger -- [options]

Measures the ledger on an instance of its own, each row in adjacent pairs with pgbench TPC-B on the same Postgres.

Options:
  --only <row>       one row (again for more): ${rows.map(({ name }) => name).join(', ')}
  --pairs <number>   pairs a row, 1 to 50; the result is their median (default: 5)
  --seconds <number> of each half of a pair, 2 to 600 (default: 10)
  --memory <minutes> also the memory of the service under load, for so long (1 to 60; the goal speaks of 10)
  --instance <name>  its instance (default: holdfast-bench)
  --port <number>    its port, on loopback only (default: 28443)
  --as-it-is         measure the instance as it runs: bring nothing up (implies --keep)
  --keep             leave the instance running; else it is deleted with all its data
  --json             the result on standard output, for programs
  --help             this text

Exit status: 0 every row measured reached its goal, 1 one did not or could not be measured, 2 wrong arguments.
Nothing else should use the machine meanwhile: a pair with more than 0.25 core of foreign CPU is void.`;

interface Options {
  readonly rows: typeof rows;
  readonly pairs: number;
  readonly seconds: number;
  readonly memoryMinutes: number | undefined;
  readonly instance: string;
  readonly port: number;
  readonly asItIs: boolean;
  readonly keep: boolean;
  readonly json: boolean;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const options = readOptions(process.argv.slice(2));
if (options) process.exitCode = await benchmark(options);

async function benchmark(chosen: Options): Promise<number> {
  try {
    const results = await measureAll(chosen);
    const text = report(results);
    const saved = await save(results, text);
    process.stdout.write(chosen.json ? `${JSON.stringify(saved, null, 2)}\n` : `\n${text}\n`);
    return results.rows.every(({ row, ratio }) => ratio !== undefined && ratio >= row.least) && results.memory?.ok !== false ? 0 : 1;
  } finally {
    if (!chosen.keep) await BenchInstance.purge(chosen.instance);
  }
}

async function measureAll(chosen: Options): Promise<Parameters<typeof save>[0]> {
  const instance = await BenchInstance.start(chosen.instance, chosen.port, chosen.asItIs, say);
  const generator = await GeneratorProcess.start(chosen.instance, imageTag(instance.instance.settings.registry, 'toolbox'));
  try {
    const bench: Bench = { instance, generator, pgbench: await Pgbench.prepare(instance, say), pairs: chosen.pairs, seconds: chosen.seconds, say };
    const measured: RowResult[] = [];
    const running = Object.keys(await instance.containers());
    const results = { rows: measured, pairs: chosen.pairs, seconds: chosen.seconds, stopped: instance.unused, running };
    for (const row of chosen.rows) {
      measured.push(await measureRow(bench, row));
      await save(results, report(results));
    }
    const memory = chosen.memoryMinutes === undefined ? undefined : await measureMemory(bench, chosen.memoryMinutes);
    return { ...results, ...(memory && { memory }) };
  } finally {
    await generator.stop();
    instance.platform.close();
  }
}

function readOptions(args: string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        'only': { type: 'string', multiple: true }, 'pairs': { type: 'string', default: '5' }, 'seconds': { type: 'string', default: '10' }, 'memory': { type: 'string' },
        'instance': { type: 'string', default: 'holdfast-bench' }, 'port': { type: 'string', default: '28443' },
        'as-it-is': { type: 'boolean', default: false }, 'keep': { type: 'boolean', default: false }, 'json': { type: 'boolean', default: false }, 'help': { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(`${HELP}\n`);
      return undefined;
    }
    const unknown = values.only?.filter((name) => !rows.some((row) => row.name === name)) ?? [];
    if (unknown.length > 0) throw new RangeError(`there is no row ${unknown.join(', ')}: the rows are ${rows.map(({ name }) => name).join(', ')}`);
    return {
      rows: values.only ? rows.filter(({ name }) => values.only?.includes(name)) : rows,
      pairs: wholeNumber('--pairs', values.pairs, 1, 50), seconds: wholeNumber('--seconds', values.seconds, 2, 600),
      port: wholeNumber('--port', values.port, 1, 65_535), instance: values.instance,
      memoryMinutes: values.memory === undefined ? undefined : wholeNumber('--memory', values.memory, 1, 60),
      asItIs: values['as-it-is'], keep: values.keep || values['as-it-is'], json: values.json,
    };
  } catch (cause) {
    say(`bench:ledger: ${(cause as Error).message}\n\n${HELP}`);
    process.exitCode = 2;
    return undefined;
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) throw new RangeError(`${name} ${text}: a whole number from ${least} to ${most}`);
  return value;
}
