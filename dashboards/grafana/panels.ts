import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { BigValueColorMode, BigValueGraphMode, BigValueTextMode, GraphThresholdsStyleMode, LegendDisplayMode, LegendPlacement, StackingMode, TooltipDisplayMode } from '@grafana/grafana-foundation-sdk/common';
import { GraphThresholdsStyleConfigBuilder, ReduceDataOptionsBuilder, StackingConfigBuilder, VizLegendOptionsBuilder, VizTooltipOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import { DashboardLinkBuilder, DashboardLinkType, FieldColorBuilder, FieldColorModeId, MappingType, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import type { DashboardLink, Panel, Threshold, ValueMap } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { expressionOf, limitOf, type Limit } from './limits.ts';

/** The few kinds of panel that all dashboards are made of: lines, figures, states and tables. */
export const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' } as const;

/** Grafana's names of units. */
export type Unit = 'short' | 'percentunit' | 's' | 'bytes' | 'Bps' | 'reqps' | 'ops';

/** What is asked, by what it is called in the legend ({{label}} stands for a label's value). */
export type Questions = Readonly<Record<string, string>>;

export interface Details {
  /** What a reader cannot see from the title. */
  readonly hint?: string;
  /** Of 24 columns. */
  readonly width?: number;
  /** Its limit is drawn, and its page is one click away. */
  readonly alert?: string;
  /** A limit that no alert has. */
  readonly limit?: Limit;
  readonly stacked?: true;
  /** Top of the scale, where it is known. */
  readonly max?: number;
  readonly links?: readonly DashboardLinkBuilder[];
}

export interface Columns extends Details {
  readonly hide?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** The column whose values are names of alerts: each leads to its page. */
  readonly pages?: string;
}

/** A panel with its size; where it stands is decided by `frame.ts`. */
export interface Sized {
  readonly width: number;
  readonly height: number;
  readonly panel: Builder<Panel> & { gridPos(position: { x: number; y: number; w: number; h: number }): unknown; id(id: number): unknown };
}

const LINES_HEIGHT = 7;
const FIGURE_HEIGHT = 4;

/** How something went, over the time that is looked at. */
export function lines(title: string, unit: Unit, questions: Questions, details: Details = {}): Sized {
  const builder = new TimeseriesBuilder()
    .fillOpacity(details.stacked ? 40 : 8).lineWidth(1).min(0)
    .legend(new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).showLegend(true))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (details.stacked) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (hasLimit(details)) builder.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return { width: details.width ?? 8, height: LINES_HEIGHT, panel: common(builder, title, unit, details).targets(queries(questions, 'range')) };
}

/** How it is now, in large letters. */
export function figure(title: string, unit: Unit, questions: Questions, details: Details = {}): Sized {
  const builder = new StatBuilder()
    .graphMode(BigValueGraphMode.None).colorMode(BigValueColorMode.Value).textMode(BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  return { width: details.width ?? 6, height: FIGURE_HEIGHT, panel: common(builder, title, unit, details).targets(queries(questions, 'instant')) };
}

/** Whether it is there: 1 is green, anything less is red. */
export function states(title: string, questions: Questions, words: readonly [string, string] = ['up', 'down'], details: Details = {}): Sized {
  const mapping: ValueMap = { type: MappingType.ValueToText, options: { 0: { text: words[1], color: 'red' }, 1: { text: words[0], color: 'green' } } };
  const builder = new StatBuilder()
    .graphMode(BigValueGraphMode.None).colorMode(BigValueColorMode.Background).textMode(BigValueTextMode.ValueAndName)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull'])).mappings([mapping]);
  const panel = common(builder, title, 'short', { limit: { value: 1, badIs: 'below' }, ...details }).targets(queries(questions, 'instant'));
  return { width: details.width ?? 24, height: FIGURE_HEIGHT, panel };
}

/** One row a series, its labels as columns. */
export function table(title: string, unit: Unit, questions: Questions, details: Columns = {}): Sized {
  const builder = new TableBuilder().withTransformation({
    id: 'organize',
    options: { excludeByName: Object.fromEntries(['Time', ...(details.hide ?? [])].map((name) => [name, true])), renameByName: details.rename ?? {} },
  });
  if (details.pages !== undefined) builder.overrideByName(details.pages, [{ id: 'links', value: [{ title: 'Its page', url: pageOf('${__value.raw}'), targetBlank: true }] }]);
  const targets = Object.entries(questions).map(([, expression], index) => query(expression, '', index).instant().format(PromQueryFormat.Table));
  return { width: details.width ?? 12, height: LINES_HEIGHT, panel: common(builder, title, unit, details).targets(targets) };
}

export function link(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).keepTime(true);
}

/** The page of an alert, one click away from what shows it. */
export function runbook(alert: string): DashboardLinkBuilder {
  expressionOf(alert);
  return new DashboardLinkBuilder(`If ${alert} fires`).type(DashboardLinkType.Link).url(pageOf(alert)).targetBlank(true);
}

/**
 * The edge serves pages beside Grafana, not below it: a path from the root would be put below /grafana, and a browser takes more steps upwards
 * than there are for the root.
 */
function pageOf(alert: string): string {
  return `../../../../runbooks/alerts/${alert}.md`;
}

interface Common<Self> {
  title(title: string): Self;
  description(text: string): Self;
  datasource(source: typeof PROMETHEUS): Self;
  unit(unit: string): Self;
  max(max: number): Self;
  thresholds(thresholds: ThresholdsConfigBuilder): Self;
  colorScheme(color: FieldColorBuilder): Self;
  links(links: Builder<DashboardLink>[]): Self;
}

function common<Self extends Common<Self>>(builder: Self, title: string, unit: Unit, details: Details): Self {
  builder.title(title).datasource(PROMETHEUS).unit(unit);
  if (details.hint !== undefined) builder.description(details.hint);
  if (details.max !== undefined) builder.max(details.max);
  const limit = details.limit ?? (details.alert === undefined ? undefined : limitOf(details.alert));
  builder.thresholds(thresholds(limit));
  const isLines = builder instanceof TimeseriesBuilder;
  builder.colorScheme(new FieldColorBuilder().mode(isLines ? FieldColorModeId.PaletteClassicByName : FieldColorModeId.Thresholds));
  const links = [...(details.links ?? []), ...(details.alert === undefined ? [] : [runbook(details.alert)])];
  if (links.length > 0) builder.links(links);
  return builder;
}

function hasLimit({ alert, limit }: Details): boolean {
  return alert !== undefined || limit !== undefined;
}

function thresholds(limit: Limit | undefined): ThresholdsConfigBuilder {
  const steps: Threshold[] = limit === undefined
    ? [{ value: null, color: 'blue' }]
    : limit.badIs === 'above' ? [{ value: null, color: 'green' }, { value: limit.value, color: 'red' }] : [{ value: null, color: 'red' }, { value: limit.value, color: 'green' }];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function queries(questions: Questions, kind: 'range' | 'instant'): DataqueryBuilder[] {
  return Object.entries(questions).map(([legend, expression], index) => (kind === 'range' ? query(expression, legend, index).range() : query(expression, legend, index).instant()));
}

function query(expression: string, legend: string, index: number): DataqueryBuilder {
  const builder = new DataqueryBuilder().datasource(PROMETHEUS).refId(String.fromCharCode('A'.charCodeAt(0) + index)).expr(expression);
  return legend === '' ? builder : builder.legendFormat(legend);
}
