import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commitUnderTest } from '../kit/evidence.ts';
import { faultsOf, type Pair, type RowResult } from './measure.ts';
import { memoryLine, type MemoryResult } from './memory.ts';
import { CLIENTS, SCALE } from './pgbench.ts';
import { plot } from './plot.ts';
import { commandLine } from './save-results.ts';
import { median } from './statistics.ts';

const RESULTS = fileURLToPath(new URL('./results', import.meta.url));
/** When this run began: its name. */
const began = new Date();

export interface Results {
  readonly rows: readonly RowResult[];
  readonly memory?: MemoryResult;
  readonly pairs: number;
  readonly seconds: number;
  /** Components of the platform that were stopped meanwhile, and those that ran. */
  readonly stopped: readonly string[];
  readonly running: readonly string[];
}

/** The table, and under it what a reader must know to believe it. */
export function report(results: Results): string {
  const heads = ['workload', 'TPC-B/s', 'against', 'this/s', 'x TPC-B', 'ratio', 'range', 'by CPU', 'least', 'aim', '', 'p50 ms', 'p99 ms', 'open loop p99 ms', 'void'];
  const lines = results.rows.map((result) => lineOf(result));
  const widths = heads.map((head, column) => Math.max(head.length, ...lines.map((line) => line[column]?.length ?? 0)));
  const padded = (cells: readonly string[]): string => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd();
  return [padded(heads), ...lines.map(padded), '', ...notes(results)].join('\n');
}

function lineOf({ row, pairs, ofTpcb, ratio, ratioByCpu }: RowResult): string[] {
  const good = pairs.filter((pair) => pair.void === undefined);
  const voided = String(pairs.length - good.length);
  if (ratio === undefined || ofTpcb === undefined) return [row.what, '', '', '', '', 'no pair counts', '', ratioByCpu.toFixed(2), row.least.toString(), row.aim.toString(), '', '', '', '', voided];
  const middle = (of: (pair: Pair) => number | undefined): number => median(good.map((pair) => of(pair) ?? 0));
  const ratios = good.map(({ own, reference, tpcb }) => own.perSecond / (reference ?? tpcb).perSecond);
  return [
    row.what, middle(({ tpcb }) => tpcb.perSecond).toFixed(0), row.against ? `${middle(({ reference }) => reference?.perSecond).toFixed(0)} ${row.against.what}` : '',
    middle(({ own }) => own.perSecond).toFixed(0), ofTpcb.toFixed(2), ratio.toFixed(2), `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`,
    ratioByCpu.toFixed(2), row.least.toString(), row.aim.toString(), ratio >= row.aim ? 'aim' : ratio >= row.least ? 'yes' : 'NO',
    middle(({ own }) => own.answers?.p50_ms).toFixed(1), middle(({ own }) => own.answers?.p99_ms).toFixed(1),
    row.p99Max_ms === undefined ? '' : `${middle(({ openLoop }) => openLoop?.answers?.p99_ms).toFixed(1)} of ${row.p99Max_ms}`, voided,
  ];
}

function notes({ rows, memory, pairs, seconds, stopped }: Results): string[] {
  const circumstance = circumstances();
  const faults = rows.flatMap(({ row, pairs: all }) => all.flatMap(({ own, openLoop, void: because }, index) => [
    ...(because === undefined ? [] : [`${row.name}, pair ${index + 1}: void, ${because}`]),
    ...[own, openLoop].flatMap((measured) => {
      const told = faultsOf(measured?.answers);
      return told.startsWith('none') || told === '' ? [] : [`${row.name}, pair ${index + 1}${measured === openLoop ? ', open loop' : ''}: ${told}`];
    }),
  ]));
  return [
    ...(memory ? [memoryLine(memory)] : []),
    `Ratio: median of ${pairs} adjacent pairs of ${seconds} s a half. Synchronous replica, fsync on. pgbench: scale ${SCALE}, ${CLIENTS} clients, through the server's socket.`,
    'By CPU: the same ratio by the processor time that each took, of all pairs, void ones too: what a busy machine takes from neither.',
    'Open loop: requests arrive at nine tenths of the rate just found, whatever became of those before; latency from when a request was meant to be sent.',
    `Stopped meanwhile: ${stopped.join(', ')}. Commit ${circumstance.commit}, ${circumstance.cores} cores, ${circumstance.memory_gib} GiB, ${circumstance.command}`,
    ...(faults.length > 0 ? faults : ['No pair was void, no request refused, dropped or lost.']),
  ];
}

interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly cores: number;
  readonly processor: string;
  readonly memory_gib: number;
  readonly command: string;
}

function circumstances(): Circumstances {
  return {
    date: began.toISOString(), commit: commitUnderTest(), cores: availableParallelism(), processor: cpus()[0]?.model ?? '',
    memory_gib: Math.round(totalmem() / 2 ** 30), command: commandLine('bench:ledger'),
  };
}

/** Writes the result beside those before it, under the time when it began: JSON, the table as text, a plot. After every row, so that a run which is cut off leaves what it has. */
export async function save(results: Results, text: string): Promise<Results & Circumstances> {
  const whole = { ...circumstances(), ...results };
  await mkdir(RESULTS, { recursive: true });
  const path = join(RESULTS, `ledger-${whole.date.slice(0, 16).replaceAll(':', '')}`);
  await Promise.all([
    writeFile(`${path}.json`, `${JSON.stringify(whole, null, 1)}\n`), writeFile(`${path}.txt`, `${text}\n`),
    writeFile(`${path}.svg`, plot(results.rows, `Commit ${whole.commit}, ${whole.cores} cores, ${whole.date.slice(0, 10)}`)),
  ]);
  return whole;
}
