import { readFileSync } from 'node:fs';
import type { BenchInstance } from './bench-instance.ts';
import { between, microsecondsEach, readCpu, type CpuReading } from './cpu.ts';
import type { GeneratorProcess } from './generator.ts';
import { fillHistory } from './history.ts';
import type { LoadPlan, LoadResult, Target } from './load/plan.ts';
import type { Pgbench } from './pgbench.ts';
import type { Load, Row } from './rows.ts';
import { foreignCores, median, ratioByCpu, voidBecause, type Half } from './statistics.ts';

const WARMUP_S = 2;
/** Of the rate just found: enough load to show a queue that grows, and room for none to grow by itself. */
const OPEN_LOOP_SHARE = 0.9;

export interface Measured extends Half {
  readonly foreign_cores: number;
  /** CPU microseconds for each transfer, by container. */
  readonly cpu_us: Readonly<Record<string, number>>;
  /** Of a load; pgbench counts for itself. */
  readonly answers?: LoadResult;
}

export interface Pair {
  readonly tpcb: Measured;
  readonly reference?: Measured;
  readonly own: Measured;
  readonly openLoop?: Measured & { readonly rate: number };
  readonly void?: string;
}

export interface RowResult {
  readonly row: Row;
  readonly pairs: readonly Pair[];
  /** Medians of the pairs that count: of this row by pgbench, and by what the row is measured against. */
  readonly ofTpcb?: number;
  readonly ratio?: number;
  /** By the CPU that each took, of all pairs, void ones included. */
  readonly ratioByCpu: number;
}

export interface Bench {
  readonly instance: BenchInstance;
  readonly pgbench: Pgbench;
  readonly generator: GeneratorProcess;
  readonly seconds: number;
  readonly pairs: number;
  say(text: string): void;
}

/** A row: adjacent pairs, the yardstick first in one and last in the next, so that a machine that slows down favours neither; void ones are made up for, once. */
export async function measureRow(bench: Bench, row: Row): Promise<RowResult> {
  if (row.entries) for (const shard of [0, 1] as const) await fillHistory(bench.instance, shard, row.entries[shard], bench.say);
  const pairs: Pair[] = [];
  const counting = (): number => pairs.filter((pair) => pair.void === undefined).length;
  while (counting() < bench.pairs && pairs.length < 2 * bench.pairs) {
    const pair = await measurePair(bench, row, pairs.length);
    pairs.push(pair);
    const { tpcb, reference, own, openLoop } = pair;
    bench.say(`${row.name} ${pairs.length}: TPC-B ${tpcb.perSecond.toFixed(0)}/s${reference ? `, ${row.against?.what} ${reference.perSecond.toFixed(0)}/s` : ''}, this ${own.perSecond.toFixed(0)}/s`
      + ` p99 ${own.answers?.p99_ms} ms${openLoop ? `, open loop p99 ${openLoop.answers?.p99_ms} ms` : ''}, ${faultsOf(own.answers)}${pair.void === undefined ? '' : ` VOID: ${pair.void}`}`);
    bench.say(`  us a transfer: ${Object.entries(own.cpu_us).sort(([, a], [, b]) => b - a).map(([name, us]) => `${name} ${us}`).join(', ')}; foreign ${own.foreign_cores.toFixed(2)}, ratio by CPU ${ratioByCpu(own, reference ?? tpcb).toFixed(2)}`);
  }
  const good = pairs.filter((pair) => pair.void === undefined);
  const byCpu = median(pairs.map(({ own, reference, tpcb }) => ratioByCpu(own, reference ?? tpcb)));
  if (good.length === 0) return { row, pairs, ratioByCpu: byCpu };
  return {
    row, pairs, ratioByCpu: byCpu,
    ofTpcb: median(good.map(({ own, tpcb }) => own.perSecond / tpcb.perSecond)),
    ratio: median(good.map(({ own, reference, tpcb }) => own.perSecond / (reference ?? tpcb).perSecond)),
  };
}

async function measurePair(bench: Bench, row: Row, index: number): Promise<Pair> {
  const steps: (() => Promise<void>)[] = [
    async () => { tpcb = await measureTpcb(bench); },
    async () => { if (row.against) reference = await measureLoad(bench, row.against.load, index); },
    async () => { own = await measureLoad(bench, row.load, index); },
  ];
  let tpcb: Measured | undefined;
  let reference: Measured | undefined;
  let own: Measured | undefined;
  for (const step of index % 2 === 0 ? steps : steps.toReversed()) await step();
  if (!tpcb || !own) throw new Error('a pair has two halves');
  const rate = Math.floor(own.perSecond * OPEN_LOOP_SHARE);
  const openLoop = row.p99Max_ms === undefined || rate === 0 ? undefined : { ...await measureLoad(bench, row.load, index, rate), rate };
  const because = voidBecause([tpcb, own, ...(reference ? [reference] : [])]);
  return { tpcb, own, ...(reference && { reference }), ...(openLoop && { openLoop }), ...(because !== undefined && { void: because }) };
}

async function measureTpcb(bench: Bench): Promise<Measured> {
  const containers = await bench.instance.containers();
  const from = readCpu(containers);
  const perSecond = await bench.pgbench.measure(bench.seconds);
  return measured(from, readCpu(containers), perSecond, perSecond * bench.seconds);
}

export async function measureLoad(bench: Bench, load: Load, seed: number, rate?: number): Promise<Measured> {
  const { instance, generator } = bench;
  if (load.asynchronous) await waitForReplica(instance, false);
  const plan: LoadPlan = {
    target: targetOf(instance, load.via), connections: load.connections, warmup_s: WARMUP_S, seconds: bench.seconds, ...(rate !== undefined && { rate }),
    batch: load.batch, payers: await instance.payers(load.from), payees: instance.accounts(load.to), choice: load.choice, seed,
  };
  const containers = { ...await instance.containers(), generator: generator.container };
  const before = await instance.entriesAndSum();
  let from: CpuReading | undefined;
  let to: CpuReading | undefined;
  const answers = await generator.run(plan, () => { from = readCpu(containers); }, () => { to = readCpu(containers); });
  if (load.asynchronous) await waitForReplica(instance, true);
  if (!from || !to) throw new Error('the load generator did not say when it measured');
  if (load.from !== load.to) await instance.untilArrived();
  check(load, answers, before, await instance.entriesAndSum());
  return { ...measured(from, to, answers.posted / answers.seconds, answers.posted), answers };
}

function measured(from: CpuReading, to: CpuReading, perSecond: number, count: number): Measured {
  const cpu = between(from, to);
  return { perSecond, cpu, foreign_cores: foreignCores(cpu), cpu_us: microsecondsEach(from, to, count) };
}

/** A fast ledger that is wrong has no rate: what was acknowledged must be there, and nothing else, unless an answer never came or said that it does not know. */
function check(load: Load, answers: LoadResult, before: { entries: bigint }, after: { entries: bigint; sum: bigint }): void {
  if (after.sum !== 0n) throw new Error(`the balances of all accounts sum to ${after.sum}`);
  // Across shards a transfer has two entries on each.
  const found = (after.entries - before.entries) / (load.from === load.to ? 2n : 4n);
  const told = BigInt(answers.postedInAll);
  if (found < told || (answers.lost + answers.unknown === 0 && found !== told)) throw new Error(`${told} transfers were acknowledged, ${found} are in the ledger`);
}

function targetOf({ instance }: BenchInstance, via: Load['via']): Target {
  const ca = readFileSync(instance.caFile, 'utf8');
  if (via === 'service') return { host: 'transactions', port: 3000, servername: 'transactions', hostHeader: 'transactions', ca };
  return { host: 'edge', port: 8443, servername: instance.settings.host, hostHeader: new URL(instance.url).host, ca };
}

/** Whether commits of shard 0 wait for the replica. Takes effect at once, in connections that are open as well. */
async function waitForReplica(instance: BenchInstance, wait: boolean): Promise<void> {
  await instance.sql(0, wait ? 'ALTER SYSTEM RESET synchronous_commit' : 'ALTER SYSTEM SET synchronous_commit = local', 'postgres');
  await instance.sql(0, 'SELECT pg_reload_conf()', 'postgres');
}

/** What went wrong in a load, in words; a refusal by status. */
export function faultsOf(answers: LoadResult | undefined): string {
  if (!answers) return '';
  const refused = Object.entries(answers.statuses).filter(([status]) => !['200', '201', '202'].includes(status)).map(([status, count]) => `${count} answered ${status}`);
  const faults = [...refused, ...(answers.unknown > 0 ? [`of ${answers.unknown} it is not known whether they were posted`] : []), ...(answers.dropped > 0 ? [`${answers.dropped} dropped`] : []), ...(answers.lost > 0 ? [`${answers.lost} lost`] : [])];
  return faults.length > 0 ? faults.join(', ') : 'none refused, dropped or lost';
}

