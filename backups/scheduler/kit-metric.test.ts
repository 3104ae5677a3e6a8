import { expect, test } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kitMetric } from './kit-metric.ts';

test('a kit that is missing or out of date could be told as current, and no word of it as either', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-kit-metric-'));
  expect(kitMetric(directory)).toBe('');
  for (const [current, value] of [[false, 0], [true, 1]] as const) {
    writeFileSync(join(directory, 'recovery-kit.json'), JSON.stringify({ current, made_at: null }));
    expect(kitMetric(directory)).toMatch(new RegExp(`\nrecovery_kit_current ${value}\n$`));
  }
});
