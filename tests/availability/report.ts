import { heading, saveResults, type Circumstances } from '../bench/save-results.ts';
import { median } from '../bench/statistics.ts';
import { WRITERS } from './clients.ts';
import type { Run } from './measure.ts';
import type { Scenario } from './scenarios.ts';

export interface Measured {
  readonly scenario: Pick<Scenario, 'name' | 'what' | 'most_ms' | 'gapMost_ms' | 'alone' | 'unguarded'>;
  readonly runs: readonly Run[];
}

export interface Results extends Circumstances {
  readonly measured: readonly Measured[];
}

/** Whether every run of a scenario stayed within its limits and lost nothing. */
export function holds({ scenario, runs }: Measured): boolean {
  return runs.length > 0 && runs.every(({ resumed_ms, gap_ms, lost }) => lost === 0 && resumed_ms <= scenario.most_ms && gap_ms <= (scenario.gapMost_ms ?? Infinity));
}

export function markdown(results: Results): string {
  const { measured } = results;
  const rows = measured.map((one) => {
    const resumed = one.runs.map(({ resumed_ms }) => resumed_ms);
    const gaps = one.runs.map(({ gap_ms }) => gap_ms);
    const loads = one.runs.map(({ load }) => load);
    const most = one.scenario.gapMost_ms === undefined ? seconds(one.scenario.most_ms) : `${seconds(one.scenario.most_ms)}, gap ${seconds(one.scenario.gapMost_ms)}`;
    return `| ${one.scenario.what} | ${one.runs.length} | ${seconds(median(resumed))} | ${seconds(Math.max(...resumed))} | ${seconds(median(gaps))} | ${seconds(Math.max(...gaps))} | ${most} | ${holds(one) ? 'yes' : 'NO'} | ${sum(one.runs, 'acknowledged')} | ${sum(one.runs, 'lost')} | ${Math.min(...loads).toFixed(1)}-${Math.max(...loads).toFixed(1)} |`;
  });
  return [
    ...heading('Leader lost', results),
    `${WRITERS} writers transfer through the edge, about 70 a second; all times as they saw them.`, '',
    '| leader of ledger0 | runs | fault to first write: median | worst | gap: median | worst | at most | holds | acknowledged | lost | load average |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows, '',
    'Where the old leader stays away, the risk of a single copy was accepted before (`./holdfast cluster accept-risk`): a ledger without a replica acknowledges nothing.',
    ...measured.flatMap(({ scenario, runs }) => [...new Set(runs.map(({ proof }) => proof).filter((proof) => proof !== undefined && scenario.name === 'cut-off'))].map((proof) => `- ${scenario.what}: ${proof}`)), '',
  ].join('\n');
}

export function save(results: Results): string {
  return saveResults('availability', results, markdown(results));
}

function sum(runs: readonly Run[], what: 'acknowledged' | 'lost'): number {
  return runs.reduce((total, run) => total + run[what], 0);
}

function seconds(duration_ms: number): string {
  return `${(duration_ms / 1000).toFixed(1)} s`;
}
