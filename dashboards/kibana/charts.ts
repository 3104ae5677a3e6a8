import type { View } from './data-views.ts';
import { savedObject, type SavedObject } from './saved-object.ts';

/** How many entries there are over time, divided by a field: Lens, one layer. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly view: View;
  readonly query: string;
  readonly by: string;
}

export const charts: readonly Chart[] = [
  { id: 'holdfast-entries-by-category', title: 'Entries, by what they are about', view: 'holdfast-audit', query: '', by: 'event.category' },
  { id: 'holdfast-failures-by-action', title: 'What failed or was refused', view: 'holdfast-audit', query: 'event.outcome : "failure"', by: 'event.action' },
  { id: 'holdfast-people-by-entries', title: 'Who did most', view: 'holdfast-audit', query: '', by: 'user.id' },
  { id: 'holdfast-lines-by-level', title: 'Log lines, by level', view: 'holdfast-logs', query: '', by: 'log.level' },
];

const LAYER = 'layer';

export function savedChart({ id, title, view, query, by }: Chart): SavedObject {
  const columns = {
    time: { operationType: 'date_histogram', sourceField: '@timestamp', label: '@timestamp', dataType: 'date', isBucketed: true, scale: 'interval', params: { interval: 'auto', includeEmptyRows: true } },
    group: { operationType: 'terms', sourceField: by, label: by, dataType: 'string', isBucketed: true, scale: 'ordinal', params: { size: 8, orderBy: { type: 'column', columnId: 'count' }, orderDirection: 'desc', otherBucket: true, missingBucket: false } },
    count: { operationType: 'count', sourceField: '___records___', label: 'Entries', dataType: 'number', isBucketed: false, scale: 'ratio' },
  };
  return savedObject('lens', id, {
    title, visualizationType: 'lnsXY',
    state: {
      query: { query, language: 'kuery' }, filters: [],
      datasourceStates: { formBased: { layers: { [LAYER]: { columnOrder: ['group', 'time', 'count'], columns, incompleteColumns: {} } } } },
      visualization: {
        legend: { isVisible: true, position: 'right' }, preferredSeriesType: 'bar_stacked', valueLabels: 'hide',
        layers: [{ layerId: LAYER, layerType: 'data', seriesType: 'bar_stacked', accessors: ['count'], xAccessor: 'time', splitAccessor: 'group' }],
      },
    },
  }, [{ name: `indexpattern-datasource-layer-${LAYER}`, type: 'index-pattern', id: view }]);
}
