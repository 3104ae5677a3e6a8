import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { components } from '../components.ts';
import { memoryLimits, objectiveRules, readCatalogue, unknownNeeds, type Catalogue } from './catalogue.ts';

const catalogue = readCatalogue();
const inCatalogue = new Set([...Object.keys(catalogue.services), ...Object.keys(catalogue.components)]);

test('every component stands in the catalogue; Postgres nodes as their cluster', () => {
  const missing = Object.keys(components).filter((name) => name !== 'setup' && !inCatalogue.has(name.replace(/-[ab]$/, '')));
  expect(missing).toEqual([]);
});

test('what something needs stands in the catalogue as well', () => {
  expect(unknownNeeds(catalogue)).toEqual([]);
  expect(unknownNeeds({ ...catalogue, components: { kafka: { owner: 'x', needs: ['zookeeper'], says: 'up' } } })).toContain('kafka needs zookeeper');
});

test('a target is a share, and tells bad from all by a window that is filled in', () => {
  for (const { objectives } of Object.values(catalogue.services)) {
    for (const { target, bad, all } of objectives) {
      expect(target).toBeGreaterThan(0.9);
      expect(target).toBeLessThan(1);
      expect(bad).toContain('[WINDOW]');
      expect(all).toContain('[WINDOW]');
    }
  }
});

test('an objective becomes a budget, its share of failures over five windows, and the three alerts', () => {
  const small: Catalogue = { window: '30d', components: {}, services: { shop: { owner: 'me', needs: [], objectives: [{ name: 'availability', promise: 'x', target: 0.999, bad: 'rate(bad[WINDOW])', all: 'rate(all[WINDOW])' }] } } };
  const { groups } = parse(objectiveRules(small, new Map([['shop', 1024]]))) as { groups: { rules: { record?: string; alert?: string; expr: string; labels: object }[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules).toContainEqual({ record: 'objective:budget:share', expr: 'vector(0.001)', labels: { service: 'shop', objective: 'availability', owner: 'me' } });
  expect(rules.flatMap(({ record }) => record?.match(/share_(\d.*)/)?.[1] ?? [])).toEqual(['5m', '1h', '30m', '6h', '3d']);
  expect(rules.find(({ record }) => record === 'objective:bad:share_5m')?.expr).toBe('(rate(bad[5m]) or 0 * (rate(all[5m])))\n/ (rate(all[5m]) > 0.05)');
  expect(rules.filter(({ alert }) => alert !== undefined)).toHaveLength(3);
  expect(rules).toContainEqual({ record: 'component:memory_limit_bytes', expr: 'vector(1024)', labels: { component: 'shop' } });
});

test('limits are read from the compose files, of every container that has one', () => {
  const limits = memoryLimits();
  expect(limits.get('alertmanager')).toBe(96 * 1024 ** 2);
  expect(limits.get('core-a')).toBeGreaterThan(0);
});
