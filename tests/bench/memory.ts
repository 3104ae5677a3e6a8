import { containersOf, memoryBytes } from '../../platform/cli/containers.ts';
import { measureLoad, type Bench } from './measure.ts';
import { rows } from './rows.ts';
import { median } from './statistics.ts';

const MOST_MIB = 300;
/** What the last third may hold more than the first and still be called flat: what the collector leaves for later differs by as much. */
const GROWTH_MAX = 1.15;
const SAMPLE_MS = 5_000;
/** A token must outlive the load that uses it. */
const PIECE_S = 120;

export interface MemoryResult {
  readonly minutes: number;
  readonly perSecond: number;
  readonly most_mib: number;
  /** Median of the last third over that of the first. */
  readonly growth: number;
  readonly restarts: number;
  readonly ok: boolean;
  readonly samples_mib: readonly number[];
}

/** The memory of the service under the load of the first row, for minutes: what its container cannot give back, every five seconds. */
export async function measureMemory(bench: Bench, minutes: number): Promise<MemoryResult> {
  const [row] = rows;
  if (!row) throw new Error('there is no row');
  const samples_mib: number[] = [];
  const sample = async (): Promise<void> => {
    const container = await service(bench);
    samples_mib.push(Math.round((await memoryBytes(container)) / 2 ** 20));
  };
  const timer = setInterval(() => void sample().catch((cause: unknown) => bench.say(`memory: ${String(cause)}`)), SAMPLE_MS);
  const rates: number[] = [];
  try {
    for (let left_s = minutes * 60; left_s > 0; left_s -= PIECE_S) rates.push((await measureLoad({ ...bench, seconds: Math.min(PIECE_S, left_s) }, row.load, left_s)).perSecond);
  } finally {
    clearInterval(timer);
  }
  const third = Math.ceil(samples_mib.length / 3);
  const growth = median(samples_mib.slice(-third)) / median(samples_mib.slice(0, third));
  const most_mib = Math.max(...samples_mib);
  const { restarts } = await service(bench);
  return { minutes, perSecond: median(rates), most_mib, growth, restarts, ok: most_mib <= MOST_MIB && growth <= GROWTH_MAX && restarts === 0, samples_mib };
}

async function service(bench: Bench): Promise<Awaited<ReturnType<typeof containersOf>>[number]> {
  const found = (await containersOf(bench.instance.instance)).find((container) => container.service === 'transactions' && container.health !== 'stopped');
  if (!found) throw new Error('the service is not there');
  return found;
}

export function memoryLine({ minutes, perSecond, most_mib, growth, restarts, ok }: MemoryResult): string {
  return `Memory of the service over ${minutes} minutes at ${perSecond.toFixed(0)} transfers/s: ${most_mib} MiB at most (${MOST_MIB} allowed), last third ${growth.toFixed(2)} of the first, `
    + `${restarts} restarts: ${ok ? 'yes' : 'NO'}`;
}
