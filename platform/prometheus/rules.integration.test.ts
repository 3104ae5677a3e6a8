import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { annotationQuestions, panelQuestions } from '../../tests/kit/dashboards.ts';
import { PROJECT, versions } from '../cli/versions.ts';
import { alertCases, alertingRules, promtoolTests } from './alert-cases.ts';

const run = promisify(execFile);
const room = join(PROJECT, 'platform/prometheus');
// Below the project: Docker mounts what the host has at that place.
mkdirSync(join(PROJECT, '.holdfast'), { recursive: true });
const made = mkdtempSync(join(PROJECT, '.holdfast', 'promtool-'));

const promtool = (...args: string[]): Promise<{ stdout: string }> =>
  run('docker', ['run', '--rm', '--network', 'none', '--memory', '512m', '--user', '0', '--volume', `${room}:/rules:ro`, '--volume', `${made}:/cases:ro`, '--workdir', '/rules/tests', '--entrypoint', 'promtool', `${process.env.HOLDFAST_REGISTRY ?? ''}holdfast/prometheus:${versions.HOLDFAST_VERSION}`, ...args]);

test('alerts fire when they should, and not a minute before', async () => {
  const { cases, native } = alertCases();
  const files = promtoolTests(alertingRules(), cases, '/rules/rules');
  for (const { name, content } of files) writeFileSync(join(made, name), content);
  expect(cases.size).toBeGreaterThan(0);
  expect((await promtool('test', 'rules', ...native.map(({ file }) => file), ...files.map(({ name }) => `/cases/${name}`))).stdout).toContain('SUCCESS');
}, 120_000);

test('every file of rules is one that Prometheus takes', async () => {
  expect((await promtool('check', 'rules', ...readdirSync(join(room, 'rules')).map((name) => `../rules/${name}`))).stdout).toContain('SUCCESS');
}, 60_000);

test('every question of a dashboard is one that Prometheus understands', async () => {
  const rules = [...panelQuestions(), ...annotationQuestions()].map(({ expression }, index) => ({ record: `dashboard:question_${index}`, expr: expression }));
  expect(rules.length).toBeGreaterThan(0);
  writeFileSync(join(made, 'panels.yml'), stringify({ groups: [{ name: 'dashboards', rules }] }));
  expect((await promtool('check', 'rules', '/cases/panels.yml')).stdout).toContain(`SUCCESS: ${rules.length} rules found`);
}, 60_000);
