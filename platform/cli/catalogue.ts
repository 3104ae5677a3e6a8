import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { addressOf, platformUid } from '../../dashboards/grafana/uids.ts';
import { PROJECT } from './versions.ts';

/** What dashboards/catalogue.yaml says, and the rules of Prometheus that follow from it. */
export interface Objective {
  readonly name: string;
  readonly promise: string;
  /** Share of good events, such as 0.999. */
  readonly target: number;
  /** Rates of bad and of all events; WINDOW stands for the time they are taken over. */
  readonly bad: string;
  readonly all: string;
}

export interface Catalogue {
  readonly window: string;
  readonly services: Readonly<Record<string, { owner: string; needs: readonly string[]; objectives: readonly Objective[] }>>;
  readonly components: Readonly<Record<string, { owner: string; needs: readonly string[]; says: string }>>;
}

/** Long and short window, and how many times faster than allowed the budget goes: Google's SRE workbook, chapter 5, "multiwindow, multi-burn-rate alerts". */
const BURNS = [
  { alert: 'ErrorBudgetBurnsFast', long: '1h', short: '5m', factor: 14.4, severity: 'page', spends: 'a fiftieth of its month in an hour' },
  { alert: 'ErrorBudgetBurns', long: '6h', short: '30m', factor: 6, severity: 'page', spends: 'a twentieth of its month in six hours' },
  { alert: 'ErrorBudgetBurnsSlowly', long: '3d', short: '6h', factor: 1, severity: 'ticket', spends: 'a tenth of its month in three days' },
] as const;

/** Below this many events a second one that fails is no share of anything. */
const LEAST_EVENTS_PER_SECOND = 0.05;

export function readCatalogue(): Catalogue {
  return parse(readFileSync(join(PROJECT, 'dashboards', 'catalogue.yaml'), 'utf8')) as Catalogue;
}

/** Names in `needs` that nothing in the catalogue has. */
export function unknownNeeds({ services, components }: Catalogue): string[] {
  const known = new Set([...Object.keys(services), ...Object.keys(components)]);
  return [...Object.entries(services), ...Object.entries(components)].flatMap(([name, { needs }]) => needs.filter((need) => !known.has(need)).map((need) => `${name} needs ${need}`));
}

/** platform/prometheus/rules/slo.yml. `memoryLimits` are bytes by component. */
export function objectiveRules(catalogue: Catalogue, memoryLimits: ReadonlyMap<string, number>): string {
  const objectives = Object.entries(catalogue.services).flatMap(([service, { owner, objectives: list }]) => list.map((objective) => ({ service, owner, objective })));
  const windows = [...new Set(BURNS.flatMap(({ long, short }) => [short, long]))];
  const recorded = windows.map((window) => ({
    name: `objectives_${window}`,
    // A share over days needs no new value every 15 s.
    ...(['6h', '3d'].includes(window) && { interval: '2m' }),
    rules: objectives.map(({ service, objective }) => ({
      record: `objective:bad:share_${window}`,
      // A failure that never was has no series yet: a promise that is kept is zero, not nothing.
      expr: `(${over(objective.bad, window)} or 0 * (${over(objective.all, window)}))\n/ (${over(objective.all, window)} > ${LEAST_EVENTS_PER_SECOND})`,
      labels: { service, objective: objective.name },
    })),
  }));
  const targets = { name: 'objectives', rules: objectives.map(({ service, owner, objective }) => ({ record: 'objective:budget:share', expr: `vector(${round(1 - objective.target)})`, labels: { service, objective: objective.name, owner } })) };
  const limits = { name: 'memory_limits', interval: '1m', rules: [...memoryLimits].map(([component, bytes]) => ({ record: 'component:memory_limit_bytes', expr: `vector(${bytes})`, labels: { component } })) };
  const alerts = { name: 'error_budgets', rules: BURNS.map(({ alert, long, short, factor, severity, spends }) => ({
    alert,
    expr: `objective:bad:share_${long} > on (service, objective) group_left (owner) (${factor} * objective:budget:share)\nand on (service, objective) objective:bad:share_${short} > on (service, objective) (${factor} * objective:budget:share)`,
    for: severity === 'page' ? '1m' : '1h',
    labels: { severity },
    annotations: {
      summary: `{{ $labels.service }} does not keep its promise of {{ $labels.objective }}: {{ $value | humanizePercentage }} fails, which spends ${spends}.`,
      hits: 'People who use {{ $labels.service }}: the share of them that the summary tells.',
      runbook_url: `{{ $externalURL }}/runbooks/alerts/${alert}.md`,
      dashboard_url: `{{ $externalURL }}/grafana${addressOf(platformUid('objectives'))}`,
    },
  })) };
  return `# Generated from dashboards/catalogue.yaml and the memory limits of the compose files: npm run generate.\n${stringify({ groups: [targets, ...recorded, alerts, limits] }, { lineWidth: 0 })}`;
}

function over(expression: string, window: string): string {
  return expression.replaceAll('WINDOW', window);
}

/** 1 - 0.999 is not 0.001 in binary. */
function round(share: number): number {
  return Number(share.toFixed(9));
}

/** Bytes of `mem_limit`, by service, of all compose files. */
export function memoryLimits(): Map<string, number> {
  const { include } = parse(readFileSync(join(PROJECT, 'docker-compose.yml'), 'utf8')) as { include: string[] };
  const limits = include.flatMap((file) => {
    const { services } = parse(readFileSync(join(PROJECT, file), 'utf8'), { merge: true }) as { services: Record<string, { mem_limit?: string }> };
    return Object.entries(services).flatMap(([name, { mem_limit: limit }]): [string, number][] => (limit === undefined ? [] : [[name, bytesOf(limit)]]));
  });
  return new Map(limits.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function bytesOf(limit: string): number {
  const [, count = '0', unit = 'b'] = /^(\d+)([bkmg])$/.exec(limit) ?? [];
  return Number(count) * { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit as 'b' | 'k' | 'm' | 'g'];
}
