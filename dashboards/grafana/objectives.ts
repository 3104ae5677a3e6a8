import type { Screen } from './frame.ts';
import { lines, table } from './panels.ts';
import { platformUid } from './uids.ts';

/** What was promised, how much may fail, and how fast that is being spent. */
export function objectives(): Screen {
  const spent = (window: string): string => `objective:bad:share_${window}{service=~"$service"} / on (service, objective) group_left () objective:budget:share`;
  const burn = (window: string, factor: number): ReturnType<typeof lines> =>
    lines(`Spent over ${window}`, 'short', { '{{service}} {{objective}}': spent(window) }, { width: 12, limit: { value: factor, badIs: 'above' }, hint: 'In multiples of what is allowed. An alert asks for two of these windows, a long and a short one, above the line.' });
  return {
    folder: 'platform',
    uid: platformUid('objectives'),
    title: 'Objectives and error budgets',
    description: 'From dashboards/catalogue.yaml: each promise, and how fast its budget goes. Services that are asked less than once in 20 s are not judged.',
    variables: { service: { label: 'Service', values: 'objective:budget:share, service' } },
    panels: [
      table('What may fail', 'percentunit', { '': 'max by (service, objective, owner) (objective:budget:share{service=~"$service"})' }, { rename: { Value: 'may fail' }, hint: 'Over 30 days.' }),
      table('What failed in the last hour', 'percentunit', { '': 'max by (service, objective) (objective:bad:share_1h{service=~"$service"})' }, { rename: { Value: 'failed' } }),
      burn('5m', 14.4),
      burn('1h', 14.4),
      burn('30m', 6),
      burn('6h', 6),
      lines('Spent over 3 days', 'short', { '{{service}} {{objective}}': spent('3d') }, { width: 12, limit: { value: 1, badIs: 'above' } }),
      lines('Left of the budget, had it been like that all the time', 'percentunit', { '{{service}} {{objective}}': `1 - clamp_max(${spent('3d')}, 1)` }, { width: 12, max: 1, hint: 'The last three days stand for all 30.' }),
    ],
  };
}
