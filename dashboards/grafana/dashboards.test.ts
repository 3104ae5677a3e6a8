import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readCatalogue } from '../../platform/cli/catalogue.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { dashboards, screens } from './all.ts';
import { limitOf } from './limits.ts';
import { serviceUid, shownBy } from './uids.ts';
import { withoutData } from './without-data.ts';

const all = [...dashboards()];
const uids = new Set(all.map(([, { uid }]) => uid ?? ''));
const catalogue = readCatalogue();

test('an address could lead to two dashboards', () => {
  expect(uids.size).toBe(all.length);
});

test('an address that stands in somebody\'s bookmarks could be given up unseen', () => {
  const givenOut = readFileSync(join(import.meta.dirname, 'uids.txt'), 'utf8').trim().split('\n');
  expect([...uids].toSorted()).toEqual(givenOut);
});

test('a service or component could be on no dashboard', () => {
  const shown = [...Object.keys(catalogue.services).map(serviceUid), ...Object.keys(catalogue.components).map((name) => shownBy[name])];
  expect(shown.filter((uid) => uid === undefined || !uids.has(uid))).toEqual([]);
  expect(Object.keys(shownBy).filter((name) => !(name in catalogue.components))).toEqual([]);
});

test('a folder could be one that Grafana is not told of', () => {
  const { providers } = parse(readFileSync(join(PROJECT, 'platform/grafana/provisioning/dashboards/holdfast.yml'), 'utf8')) as { providers: { folderUid: string; options: { path: string } }[] };
  const folders = [...new Set(screens().map(({ folder }) => `/etc/holdfast/dashboards/${folder}`))];
  expect(providers.map(({ options }) => options.path).toSorted()).toEqual(folders.toSorted());
  expect(new Set(providers.map(({ folderUid }) => folderUid)).size).toBe(folders.length);
});

test('an exception could be of a panel that there is no more', () => {
  const panels = new Set(all.flatMap(([, { uid, panels: list = [] }]) => list.map(({ title }) => `${uid}: ${title}`)));
  expect(withoutData.map(({ uid, panel }) => `${uid}: ${panel}`).filter((name) => !panels.has(name))).toEqual([]);
});

test('a limit is the number of the rule, and not one inside of its terms', () => {
  expect(limitOf('DiskAlmostFull')).toEqual({ value: 0.1, badIs: 'below' });
  expect(limitOf('LedgerNotVerified')).toEqual({ value: 26 * 3600, badIs: 'above' });
  // (jvm_memory_max_bytes > 0) is about heaps without an end.
  expect(limitOf('JvmHeapFull')).toEqual({ value: 0.95, badIs: 'above' });
  expect(() => limitOf('Gone')).toThrow('no file of platform/prometheus/rules has an alert Gone');
});

describe.each(all)('%s', (_, { panels = [], links = [], annotations, templating }) => {
  const panelLinks = panels.flatMap((panel) => ('links' in panel ? (panel.links ?? []) : []));
  const urls = [...links, ...panelLinks].flatMap(({ url }) => (url === undefined || url === '' ? [] : [url]));

  test('a link could lead nowhere', () => {
    const targets = urls.map((url) => ({ url, is: /^\/d\/(.+)$/.exec(url)?.[1] ?? /^(?:\.\.\/){4}runbooks\/alerts\/(.+)\.md$/.exec(url)?.[1] ?? '' }));
    expect(targets.filter(({ url, is }) => !(url.startsWith('/d/') ? uids.has(is) : existsSync(join(PROJECT, 'runbooks', 'alerts', `${is}.md`))))).toEqual([]);
  });

  test('it could be too long for a laptop, or a panel could lie upon another', () => {
    expect(panels.length).toBeLessThanOrEqual(13);
    const cells = panels.flatMap(({ gridPos }) => Array.from({ length: gridPos!.w * gridPos!.h }, (__, cell) => `${gridPos!.x + (cell % gridPos!.w)}/${gridPos!.y + Math.floor(cell / gridPos!.w)}`));
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos }) => gridPos!.x + gridPos!.w > 24)).toEqual([]);
  });

  test('two panels could have one name, or a panel no question', () => {
    const titles = panels.map(({ title }) => title);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
    expect(panels.filter((panel) => !('targets' in panel) || panel.targets?.length === 0)).toEqual([]);
  });

  test('deploys, backups and failovers could be left unmarked', () => {
    expect((annotations?.list ?? []).map(({ name }) => name)).toEqual(['Started', 'Backup', 'Failover', 'Alert']);
  });

  test('a variable could be asked for that is not there', () => {
    const known = new Set(['__rate_interval', '__range', ...(templating?.list ?? []).map(({ name }) => name)]);
    const asked = panels.flatMap((panel) => ('targets' in panel ? (panel.targets ?? []) : [])).flatMap((target) => [...(target as unknown as { expr: string }).expr.matchAll(/\$(\w+)/g)].map(([, name = '']) => name));
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });
});

test('an alert could point to a dashboard that is not there', () => {
  const pointing = alertingRules().flatMap(({ alert, annotations }) => (annotations.dashboard_url === undefined ? [] : [{ alert, uid: /^\{\{ \$externalURL \}\}\/grafana\/d\/([\w-]+)$/.exec(annotations.dashboard_url)?.[1] ?? annotations.dashboard_url }]));
  expect(pointing.filter(({ uid }) => !uids.has(uid))).toEqual([]);
});

test('a file could lie in Grafana\'s folder that nothing makes', () => {
  const files = readdirSync(join(PROJECT, 'platform/grafana/dashboards'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  expect(files.toSorted()).toEqual(all.map(([path]) => path).toSorted());
});
