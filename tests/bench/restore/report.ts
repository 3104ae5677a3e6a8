import { availableParallelism } from 'node:os';
import { heading, saveResults, type Circumstances } from '../save-results.ts';
import { median } from '../statistics.ts';
import type { AgainstCopying } from './against-copying.ts';
import type { PointInTime } from './point-in-time.ts';
import type { WholeMachine } from './whole-machine.ts';

/** The most that each may come to. */
export const GOALS = { machine_s: 300, rpo_s: 60, ratio: 3, pointInTime_s: 20 } as const;

export interface Results extends Circumstances {
  readonly ledger: { readonly transfers: number; readonly bytes: number };
  copying?: AgainstCopying;
  pointInTime?: PointInTime;
  readonly machines: WholeMachine[];
}

export interface Figure {
  readonly what: string;
  readonly measured: string;
  readonly goal: string;
  readonly holds: boolean;
  readonly load: string;
}

export const ratioOf = ({ pairs }: AgainstCopying): number => median(pairs.map(({ restore, copy }) => restore.took_s / copy.took_s));

export function figuresOf({ copying, pointInTime, machines }: Results): Figure[] {
  const figures: Figure[] = [];
  if (copying) {
    const ratios = copying.pairs.map(({ restore, copy }) => restore.took_s / copy.took_s);
    figures.push({
      what: 'encrypted restore, two processes, against `cp -a` and `sync`', goal: `${GOALS.ratio}x`, holds: ratioOf(copying) <= GOALS.ratio, load: span(copying.pairs),
      measured: `${ratioOf(copying).toFixed(2)}x, median of ${copying.pairs.length} pairs (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}): ${seconds(median(copying.pairs.map(({ restore }) => restore.took_s)))} against ${seconds(median(copying.pairs.map(({ copy }) => copy.took_s)))}`,
    });
  }
  if (pointInTime) {
    figures.push({
      what: '`restore --to TIME` of the ledgers, until their leaders serve it', goal: seconds(GOALS.pointInTime_s), holds: pointInTime.served_s <= GOALS.pointInTime_s, load: span([pointInTime]),
      measured: `${seconds(pointInTime.served_s)}, of which nothing is served for ${seconds(pointInTime.still_s)}; services answer again ${seconds(pointInTime.away_s)} after they stopped; the whole command ${seconds(pointInTime.command_s)}`,
    });
  }
  if (machines.length > 0) {
    figures.push({
      what: 'whole machine: from `recover` to the platform up and proven, images loaded', goal: seconds(GOALS.machine_s), holds: machines.every(({ command_s }) => command_s <= GOALS.machine_s), load: span(machines),
      measured: `${machines.map(({ command_s }) => seconds(command_s)).join(', ')}; its data after ${machines.map(({ data_s }) => seconds(data_s)).join(', ')}`,
    }, {
      what: 'RPO, from what clients were told', goal: seconds(GOALS.rpo_s), holds: machines.every(({ rpo_s }) => rpo_s <= GOALS.rpo_s), load: span(machines),
      measured: machines.map(({ rpo_s, acknowledged, lost }) => `${seconds(rpo_s)} (${lost} of ${acknowledged})`).join(', '),
    });
  }
  return figures;
}

export function markdown(results: Results): string {
  const { ledger, copying, pointInTime, machines } = results;
  return [
    ...heading('Restored', results),
    `The database of ledger0 has ${megabytes(ledger.bytes)} in ${ledger.transfers.toLocaleString('en')} transfers with their entries, keys, events and partly random texts.`, '',
    '| what | measured | at most | holds | load average |',
    '|---|---|---|---|---|',
    ...figuresOf(results).map(({ what, measured, goal, holds, load }) => `| ${what} | ${measured} | ${goal} | ${holds ? 'yes' : 'NO'} | ${load} |`), '',
    ...(copying ? [`Copied: ${megabytes(copying.data_bytes)} of data directory; the repository has ${megabytes(copying.repository_bytes)} of this cluster. Both sources are read into the page cache before each half, and each half ends with \`sync\`. Processor time: ${seconds(median(copying.pairs.map(({ restore }) => restore.cpu_s)))} against ${seconds(median(copying.pairs.map(({ copy }) => copy.cpu_s)))}; meanwhile others used ${foreignOf(copying)} of ${availableParallelism()} cores.`, ''] : []),
    ...(pointInTime ? ['Steps of the restore to a time: ' + Object.entries(pointInTime.steps_s).map(([name, took_s]) => `${name} ${took_s.toFixed(1)} s`).join(', ') + '.', ''] : []),
    ...machines.flatMap(({ said }) => ['Steps of `recover`:', ...said.map((line) => `- ${line.trim()}`), '']),
  ].join('\n');
}

/** After each part, so that a run which is cut off leaves what it has. */
export function save(results: Results): string {
  return saveResults('restore', results, markdown(results));
}

/** The least and the most, of all halves. */
function foreignOf({ pairs }: AgainstCopying): string {
  const cores = pairs.flatMap(({ restore, copy }) => [restore.foreign_cores, copy.foreign_cores]);
  return `${Math.min(...cores).toFixed(1)} to ${Math.max(...cores).toFixed(1)}`;
}

function span(measured: readonly { readonly load: number }[]): string {
  const loads = measured.map(({ load }) => load);
  return `${Math.min(...loads).toFixed(1)}-${Math.max(...loads).toFixed(1)}`;
}

const seconds = (value: number): string => `${value.toFixed(1)} s`;
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
