import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = /^HOLDFAST_VERSION=(.+)$/m.exec(readFileSync(join(import.meta.dirname, '../versions.env'), 'utf8'))?.[1];
const promtool = (...args: string[]): Promise<{ stdout: string }> =>
  run('docker', ['run', '--rm', '--network', 'none', '--volume', `${import.meta.dirname}:/rules:ro`, '--workdir', '/rules/tests', '--entrypoint', 'promtool', `holdfast/prometheus:${version}`, ...args]);

test('alerts fire when they should, and not a minute before', async () => {
  const files = readdirSync(join(import.meta.dirname, 'tests'));
  expect(files).not.toEqual([]);
  expect((await promtool('test', 'rules', ...files)).stdout).toContain('SUCCESS');
}, 60_000);

test('every file of rules is one that Prometheus takes', async () => {
  expect((await promtool('check', 'rules', ...readdirSync(join(import.meta.dirname, 'rules')).map((name) => `../rules/${name}`))).stdout).toContain('SUCCESS');
}, 60_000);
