import { AnnotationQueryBuilder, DashboardBuilder, DashboardCursorSync, DashboardLinkBuilder, DashboardLinkType, QueryVariableBuilder, VariableRefresh, VariableSort } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard, VariableOption } from '@grafana/grafana-foundation-sdk/dashboard';
import { link, PROMETHEUS, type Sized } from './panels.ts';
import { addressOf, platformUid } from './uids.ts';

/** Folder of Grafana, and of platform/grafana/dashboards. */
export type Folder = 'platform' | 'services' | 'components';

export interface Screen {
  readonly folder: Folder;
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Sized[];
  /** By name: the metric and the label whose values can be chosen. */
  readonly variables?: Readonly<Record<string, { label: string; values: string }>>;
  /** Other dashboards that one looks at next, by title. */
  readonly next?: Readonly<Record<string, string>>;
}

const COLUMNS = 24;

/** A dashboard as Grafana reads it, with what all of them have: the same times marked, the same ways out, nothing to be changed by hand. */
export function dashboard(screen: Screen): Dashboard {
  const builder = new DashboardBuilder(screen.title)
    .uid(screen.uid).description(screen.description).tags(['holdfast', screen.folder])
    .readonly().timezone('browser').refresh('30s').time({ from: 'now-1h', to: 'now' }).tooltip(DashboardCursorSync.Crosshair)
    .annotations(marks()).links(waysOut(screen));
  for (const [name, { label, values }] of Object.entries(screen.variables ?? {})) builder.withVariable(variable(name, label, values));
  let [x, y, rowHeight] = [0, 0, 0];
  for (const [index, { panel, width, height }] of screen.panels.entries()) {
    if (x + width > COLUMNS) [x, y, rowHeight] = [0, y + rowHeight, 0];
    panel.id(index + 1);
    panel.gridPos({ x, y, w: width, h: height });
    builder.withPanel(panel);
    x += width;
    rowHeight = Math.max(rowHeight, height);
  }
  const built = builder.build();
  // The SDK's default would hide all of them in a menu.
  const panelLinks = (built.panels ?? []).flatMap((panel) => ('links' in panel ? (panel.links ?? []) : []));
  for (const shown of [...(built.links ?? []), ...(built.annotations?.list ?? []), ...panelLinks]) delete shown.placement;
  return built;
}

/** What is worth knowing beside any line: a value that is a time in milliseconds stands at that time. */
function marks(): AnnotationQueryBuilder[] {
  const mark = (name: string, color: string, expression: string, text: string): AnnotationQueryBuilder =>
    new AnnotationQueryBuilder().name(name).datasource(PROMETHEUS).enable(true).iconColor(color).expr(expression).titleFormat(name).textFormat(text).step('15s');
  return [
    // No metric names a release; that a service was started anew is what a release does, and what its effects begin with.
    mark('Started', 'blue', 'process_start_time_seconds{component=~"gateway|users|transactions|reporting|audit"} * 1000', '{{component}} {{instance}}').useValueForTime(true),
    mark('Backup', 'green', 'max by (cluster, type) (backup_last_success_timestamp_seconds) * 1000', '{{type}} of {{cluster}}').useValueForTime(true),
    mark('Failover', 'red', 'max by (cluster) (changes(patroni_postgres_timeline[1m])) > 0', '{{cluster}} has another leader'),
    mark('Alert', 'orange', 'max by (alertname, component, cluster) (ALERTS{alertstate="firing", severity="page"})', '{{alertname}} {{component}}{{cluster}}'),
  ];
}

function waysOut({ uid, next = {} }: Screen): DashboardLinkBuilder[] {
  const dropdown = (title: string, tag: string): DashboardLinkBuilder => new DashboardLinkBuilder(title).type(DashboardLinkType.Dashboards).tags([tag]).asDropdown(true).keepTime(true);
  return [
    ...(uid === platformUid('overview') ? [] : [link('Overview', addressOf(platformUid('overview')))]),
    dropdown('Platform', 'platform'),
    dropdown('Services', 'services'),
    dropdown('Components', 'components'),
    ...Object.entries(next).map(([title, target]) => link(title, addressOf(target))),
  ];
}

function variable(name: string, label: string, values: string): QueryVariableBuilder {
  const all: VariableOption = { text: 'All', value: '$__all', selected: true };
  return new QueryVariableBuilder(name).label(label).datasource(PROMETHEUS).query({ query: `label_values(${values})`, refId: name })
    .multi(true).includeAll(true).allValue('.*').current(all).refresh(VariableRefresh.OnTimeRangeChanged).sort(VariableSort.AlphabeticalAsc);
}
