import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT, versions } from '../cli/versions.ts';

const run = promisify(execFile);
const promtool = (...args: string[]): Promise<{ stdout: string }> =>
  run('docker', ['run', '--rm', '--network', 'none', '--volume', `${join(PROJECT, 'platform/prometheus')}:/rules:ro`, '--workdir', '/rules/tests', '--entrypoint', 'promtool', `holdfast/prometheus:${versions.HOLDFAST_VERSION}`, ...args]);

test('alerts fire when they should, and not a minute before', async () => {
  const files = readdirSync(join(import.meta.dirname, 'tests'));
  expect(files).not.toEqual([]);
  expect((await promtool('test', 'rules', ...files)).stdout).toContain('SUCCESS');
}, 60_000);

test('every file of rules is one that Prometheus takes', async () => {
  expect((await promtool('check', 'rules', ...readdirSync(join(import.meta.dirname, 'rules')).map((name) => `../rules/${name}`))).stdout).toContain('SUCCESS');
}, 60_000);
