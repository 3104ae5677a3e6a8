import { charts, savedChart } from './charts.ts';
import { dataViews } from './data-views.ts';
import { savedObject, type SavedObject } from './saved-object.ts';
import { savedSearch, searches } from './searches.ts';

/** Charts above, searches below, two in a row. */
interface Dashboard {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly shows: readonly string[];
}

const dashboards: readonly Dashboard[] = [
  {
    id: 'holdfast-audit-overview', title: 'Audit: what happened', description: 'The auditor\'s first screen. What it finds is proven by ./holdfast audit prove, not by Kibana: this is a copy.',
    shows: ['holdfast-entries-by-category', 'holdfast-failures-by-action', 'holdfast-people-by-entries', 'holdfast-who-did-what', 'holdfast-privileged', 'holdfast-personal-data'],
  },
  {
    id: 'holdfast-audit-access', title: 'Audit: access and integrity', description: 'Sign-ins, refusals, what operators did, what left the platform, and whether the trail is whole.',
    shows: ['holdfast-failures-by-action', 'holdfast-sign-ins', 'holdfast-refused', 'holdfast-configuration', 'holdfast-exports', 'holdfast-integrity'],
  },
  {
    id: 'holdfast-logs-overview', title: 'Logs: errors and slow requests', description: 'Of all services and components.',
    shows: ['holdfast-lines-by-level', 'holdfast-errors', 'holdfast-slow'],
  },
];

const COLUMNS = 48;
const HEIGHT = 15;

/** All of it, each object after those that it refers to. */
export function kibanaObjects(): SavedObject[] {
  return [...dataViews, ...searches.map(savedSearch), ...charts.map(savedChart), ...dashboards.map(savedDashboard)];
}

function savedDashboard({ id, title, description, shows }: Dashboard): SavedObject {
  const typeOf = (shown: string): 'lens' | 'search' => (charts.some((chart) => chart.id === shown) ? 'lens' : 'search');
  const panels = shows.map((shown, index) => ({
    type: typeOf(shown), panelIndex: String(index), panelRefName: `panel_${index}`, embeddableConfig: {},
    gridData: { i: String(index), x: (index % 2) * (COLUMNS / 2), y: Math.floor(index / 2) * HEIGHT, w: COLUMNS / 2, h: HEIGHT },
  }));
  return savedObject('dashboard', id, {
    title, description, timeRestore: true, timeFrom: 'now-24h', timeTo: 'now', version: 1,
    panelsJSON: JSON.stringify(panels),
    optionsJSON: JSON.stringify({ useMargins: true, syncColors: false, syncCursor: true, syncTooltips: false, hidePanelTitles: false }),
    kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify({ query: { query: '', language: 'kuery' }, filter: [] }) },
  }, shows.map((shown, index) => ({ name: `${index}:panel_${index}`, type: typeOf(shown), id: shown })));
}
