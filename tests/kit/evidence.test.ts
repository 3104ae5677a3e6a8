import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import { faultsOf, provenIn, record, type EvidenceTable } from './evidence.ts';

let directory: string;
let table: EvidenceTable;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'evidence-'));
  for (const page of ['redis-lost', 'leader-lost']) writeFileSync(join(directory, page), 'as it was');
  writeFileSync(join(directory, 'TABLE.md'), '# Proven\nOnly runs write here.\n');
  table = { file: join(directory, 'TABLE.md'), names: 'page', figures: ['RTO (s)'], sourcesOf: (name) => [relative(PROJECT, join(directory, name))] };
});
afterEach(() => rmSync(directory, { recursive: true }));

function written(): string {
  return readFileSync(table.file, 'utf8');
}

test('a pass would be told twice, or push out that of another', () => {
  record(table, { name: 'redis-lost', seconds: 12, figures: [3] }, 'abc');
  record(table, { name: 'leader-lost', seconds: 40, figures: [2] }, 'abc');
  record(table, { name: 'redis-lost', seconds: 11, figures: ['4 | 5'] }, 'def');
  expect(written().split('\n').map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, 'then').replace(/[0-9a-f]{12}/g, 'x'))).toEqual([
    '# Proven', 'Only runs write here.', '',
    '| page | passed (UTC) | seconds | RTO (s) | commit | hash | seal |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    '| leader-lost | then | 40 | 2 | abc | x | x |',
    '| redis-lost | then | 11 | 4 / 5 | def | x | x |',
    '',
  ]);
  expect(faultsOf(table)).toEqual([]);
});

test('a row that was mended by hand would pass for a run', () => {
  record(table, { name: 'redis-lost', seconds: 12, figures: [3] }, 'abc');
  writeFileSync(table.file, written().replace('| 12 | 3 |', '| 12 | 1 |'));
  expect(faultsOf(table)).toEqual(['redis-lost: this row was not written by a run']);
  expect(provenIn(table)).toEqual(new Set());
});

test('a page that was changed would still pass for proven', () => {
  record(table, { name: 'redis-lost', seconds: 12, figures: [3] }, 'abc');
  record(table, { name: 'leader-lost', seconds: 12, figures: [3] }, 'abc');
  writeFileSync(join(directory, 'redis-lost'), 'as it is');
  expect(faultsOf(table)).toEqual([expect.stringMatching(/^redis-lost: .* was changed since it passed/)]);
  expect(provenIn(table)).toEqual(new Set(['leader-lost']));
});

test('a figure without a column would shift the others', () => {
  expect(() => record(table, { name: 'redis-lost', seconds: 12, figures: [1, 2] }, 'abc')).toThrow('2 figures for 1 columns');
});
