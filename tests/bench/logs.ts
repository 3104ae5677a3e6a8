/** `npm run bench:logs`: how many lines a second the shipper brings from Docker's files to Elasticsearch, and what processor that takes. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { docker } from '../../platform/cli/run.ts';
import { LOGS_CAUGHT_UP } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { SmallLogs } from '../logs/small-logs.ts';
import { readCpu, type CpuReading } from './cpu.ts';
import { circumstances, heading, load, saveResults, type Circumstances } from './save-results.ts';
import { median } from './statistics.ts';

/** Each container keeps 100 MB of lines, so more of them want more containers. */
const LINES_A_WRITER = 100_000;
const LEAST_A_SECOND = 20_000;

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly bytes: number;
  readonly plain: boolean;
}

const kinds: readonly Kind[] = [
  { name: 'objects', what: 'JSON of 400 bytes, as services write it', bytes: 400, plain: false },
  { name: 'text', what: 'text of 160 bytes, as Postgres and Kafka write it', bytes: 160, plain: true },
];

interface Run {
  readonly kind: string;
  readonly lines: number;
  readonly seconds: number;
  /** CPU-seconds by cgroup: rsyslog with its guard, and Elasticsearch. */
  readonly shipper_s: number;
  readonly elasticsearch_s: number;
  readonly load: number;
}

interface Results extends Circumstances {
  readonly cores: string;
  readonly runs: readonly Run[];
}

const { values } = parseArgs({ options: { lines: { type: 'string', default: '200000' }, runs: { type: 'string', default: '3' }, core: { type: 'string', default: '0' }, help: { type: 'boolean', default: false } } });
if (values.help) {
  console.log(`npm run bench:logs -- [--lines 200000] [--runs 3] [--core 0]
  --lines  that wait in Docker's files when the shipper begins (at most 100,000 a writer, so more writers)
  --runs   of each kind of line
  --core   the one core that the shipper has
Results: tests/bench/results/`);
  process.exit(0);
}
const say = (line: string): void => console.error(`${new Date().toISOString().slice(11, 19)}  ${line}`);

const found = circumstances('bench:logs');
const logs = await SmallLogs.start(`logs-bench-${randomBytes(3).toString('hex')}`);
try {
  const runs: Run[] = [];
  for (let round = 1; round <= Number(values.runs); round++) {
    for (const kind of kinds) {
      runs.push(await measure(kind, Number(values.lines)));
      say(`${kind.name} ${round}: ${lineOf(runs.at(-1) as Run)}`);
    }
  }
  const results: Results = { ...found, cores: values.core, runs };
  say(`saved: ${saveResults('logs', results, markdown(results))}`);
  console.log(markdown(results));
} finally {
  await logs.purge();
}

/** The shipper begins with lines that wait, so that nothing but itself and Elasticsearch sets the pace. From its start to the last line being searchable. */
async function measure({ name, bytes, plain }: Kind, lines: number): Promise<Run> {
  const run = `bench-${randomBytes(6).toString('hex')}`;
  await logs.stop('logs');
  const writers: string[] = [];
  for (let from = 0; from < lines; from += LINES_A_WRITER) {
    const writer = await logs.writer({ run, lines: Math.min(LINES_A_WRITER, lines - from), from, perSecond: 0, bytes, plain });
    await logs.written(writer);
    writers.push(writer);
  }
  const ids = { shipper: (await logs.container('logs')).id, elasticsearch: (await logs.container('elasticsearch')).id };
  await docker('update', '--cpuset-cpus', values.core, ids.shipper);
  await logs.begin('logs');
  const from = readCpu(ids);
  await within(LOGS_CAUGHT_UP, `${lines} lines`, async () => ((await logs.countOf(writers)) >= lines ? true : undefined));
  const to = readCpu(ids);
  await docker('rm', '--force', ...writers);
  return { kind: name, lines, seconds: (to.at_ms - from.at_ms) / 1_000, shipper_s: spent(from, to, 'shipper'), elasticsearch_s: spent(from, to, 'elasticsearch'), load: load() };
}

function spent(from: CpuReading, to: CpuReading, name: string): number {
  return (to.containers[name] ?? 0) - (from.containers[name] ?? 0);
}

function lineOf({ lines, seconds, shipper_s, elasticsearch_s, load: average }: Run): string {
  return `${Math.round(lines / seconds)} lines/s, ${Math.round(lines / shipper_s)} for each CPU-second of the shipper, ${Math.round((elasticsearch_s * 1e6) / lines)} us a line in Elasticsearch, load ${average}`;
}

function markdown(results: Results): string {
  const rows = kinds.map(({ name, what }) => {
    const own = results.runs.filter(({ kind }) => kind === name);
    const each = (figure: (one: Run) => number): string => Math.round(median(own.map(figure))).toString();
    const perCpu = median(own.map(({ lines, shipper_s }) => lines / shipper_s));
    return `| ${what} | ${own.length} x ${own[0]?.lines} | ${each(({ lines, seconds }) => lines / seconds)} | ${Math.round(perCpu)} | ${perCpu >= LEAST_A_SECOND ? 'yes' : 'NO'} | ${each(({ lines, shipper_s }) => (shipper_s * 1e6) / lines)} | `
      + `${each(({ lines, elasticsearch_s }) => (elasticsearch_s * 1e6) / lines)} | ${Math.min(...own.map((one) => one.load))}-${Math.max(...own.map((one) => one.load))} |`;
  });
  return [
    ...heading('The shipper of log lines', results),
    `Lines wait in Docker's files; the shipper (rsyslog and its guard, on core ${results.cores} alone) begins; until the last line is searchable. Medians; CPU by cgroup.`, '',
    `| lines | runs | lines/s by the clock | lines for each CPU-second of the shipper | at least ${LEAST_A_SECOND} | us of the shipper a line | us of Elasticsearch a line | load average |`,
    '|---|---|---|---|---|---|---|---|', ...rows, '',
    'By the clock, Elasticsearch and whatever else runs on the machine share the cores; the processor time that the shipper took says what one core of its own would carry.',
    'It reads the lines of all containers of the machine, and throws those of other projects away: what that takes is in its processor time.', '',
  ].join('\n');
}
