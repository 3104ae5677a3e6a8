import { DashboardLinkBuilder, DashboardLinkType, FieldColorBuilder, FieldColorModeId, ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/nodegraph';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import type { Catalogue } from '../../platform/cli/catalogue.ts';
import { PROMETHEUS, type Sized } from './panels.ts';
import { presence } from './presence.ts';

/**
 * Who cannot do without whom, from the catalogue, and who is there. Grafana's node graph wants two tables: nodes with the columns id, title, subtitle and color, and edges
 * with id, source and target (Grafana's documentation, "Node graph", data API). A node that nobody measures any more is drawn, in red.
 */
export function serviceMap(catalogue: Catalogue): Sized {
  const members = Object.entries({ ...catalogue.services, ...catalogue.components });
  const nodes = members.map(([name, { owner }]) => labelled(`(${presence(catalogue, name)} or vector(0))`, { id: name, title: name, subtitle: owner }));
  const edges = members.flatMap(([name, { needs }]) => needs.map((need) => labelled('vector(1)', { id: `${name} needs ${need}`, source: name, target: need })));
  const question = (refId: string, expressions: readonly string[]): DataqueryBuilder =>
    new DataqueryBuilder().datasource(PROMETHEUS).refId(refId).expr(expressions.join('\nor ')).instant().format(PromQueryFormat.Table);
  const panel = new PanelBuilder()
    .title('Who needs whom').description('From dashboards/catalogue.yaml. An arrow leads to what is needed; red is not there.').datasource(PROMETHEUS)
    .targets([question('nodes', nodes), question('edges', edges)])
    .withTransformation({ id: 'organize', options: { excludeByName: { Time: true, 'Value #edges': true }, renameByName: { 'Value #nodes': 'color' } } })
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'red' }, { value: 1, color: 'green' }]))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .links([new DashboardLinkBuilder('Services').type(DashboardLinkType.Dashboards).tags(['services'])]);
  return { width: 12, height: 14, panel };
}

function labelled(expression: string, labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).reduce((inner, [name, value]) => `label_replace(${inner}, "${name}", "${value}", "", "")`, expression);
}
