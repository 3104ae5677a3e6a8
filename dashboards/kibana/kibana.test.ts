import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import { charts } from './charts.ts';
import { kibanaObjects } from './dashboards.ts';
import { ndjson } from './saved-object.ts';
import { searches } from './searches.ts';

const objects = kibanaObjects();
const fields = { 'holdfast-audit': fieldsOf('holdfast-audit'), 'holdfast-logs': fieldsOf('holdfast-logs') };

test('an id could be of two objects', () => {
  const ids = objects.map(({ type, id }) => `${type} ${id}`);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});

test('an object could refer to one that is not there, or that comes later', () => {
  const before = new Set<string>();
  for (const { type, id, references } of objects) {
    expect(references.map((reference) => `${reference.type} ${reference.id}`).filter((name) => !before.has(name))).toEqual([]);
    before.add(`${type} ${id}`);
  }
});

test('a panel could want a reference under another name than it has', () => {
  for (const { attributes, references } of objects.filter(({ type }) => type === 'dashboard')) {
    const panels = JSON.parse(attributes.panelsJSON as string) as { panelIndex: string; panelRefName: string; type: string }[];
    expect(panels.map(({ panelIndex, panelRefName, type }) => `${panelIndex}:${panelRefName} ${type}`)).toEqual(references.map(({ name, type }) => `${name} ${type}`));
  }
});

describe.each([...searches.map(({ id, view, query, columns }) => ({ id, view, query, shown: columns })), ...charts.map(({ id, view, query, by }) => ({ id, view, query, shown: [by] }))])('$id', ({ view, query, shown }) => {
  test('it could show a field that no index has', () => {
    expect(shown.filter((field) => !fields[view].types.has(field))).toEqual([]);
  });

  test('it could ask for a field that no index has, or for a part of a word where only whole ones are found', () => {
    const asked = [...query.matchAll(/([@\w.]+)\s*(?::|>=?|<=?)\s*(\([^)]*\)|"[^"]*"|\S+)/g)].map(([, field = '', value = '']) => ({ field, value }));
    expect(query === '' || asked.length > 0).toBe(true);
    expect(asked.filter(({ field }) => !fields[view].types.has(field) && !fields[view].flattened.some((root) => field.startsWith(`${root}.`)))).toEqual([]);
    expect(asked.filter(({ field, value }) => fields[view].flattened.some((root) => field.startsWith(`${root}.`)) && value.includes('*'))).toEqual([]);
  });
});

test('a field of another kind would be divided by: a text has no groups', () => {
  expect(charts.filter(({ view, by }) => fields[view].types.get(by) !== 'keyword')).toEqual([]);
});

test('every line is one object, as an export has it', () => {
  const lines = ndjson(objects).trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(objects.map(({ id }) => id));
});

interface Mapping { type?: string; properties?: Record<string, Mapping> }

/** Fields by their whole name, as the index templates declare them. */
function fieldsOf(template: string): { types: Map<string, string>; flattened: string[] } {
  const { template: { mappings } } = JSON.parse(readFileSync(join(PROJECT, `platform/elasticsearch/index-templates/${template}.json`), 'utf8')) as { template: { mappings: Mapping } };
  const named = ({ properties = {} }: Mapping, prefix = ''): [string, string][] => Object.entries(properties).flatMap(([name, inner]) => (inner.properties ? named(inner, `${prefix}${name}.`) : [[`${prefix}${name}`, inner.type ?? 'object'] as [string, string]]));
  const types = new Map(named(mappings));
  return { types, flattened: [...types].filter(([, type]) => type === 'flattened').map(([name]) => name) };
}
