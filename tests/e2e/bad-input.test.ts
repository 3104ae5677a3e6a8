import { createServer, type Server } from 'node:net';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startOf } from '../../platform/cli/lock.ts';
import { run, type Outcome } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';

/** An instance that never gets to start anything. */
const NAME = 'holdfast-bad-input';
const directory = join(PROJECT, '.holdfast', NAME);
const TAKEN_PORT = 28_443;

test.beforeEach(() => rmSync(directory, { recursive: true, force: true }));
test.afterAll(() => rmSync(directory, { recursive: true, force: true }));

function holdfast(...words: string[]): Promise<Outcome> {
  return run('node', [join(import.meta.dirname, '../../platform/cli/main.ts'), '--instance', NAME, ...words]);
}

test('a port in use could be found out only after everything was built', async () => {
  const server = await new Promise<Server>((resolve) => { const one = createServer().listen(TAKEN_PORT, '127.0.0.1', () => resolve(one)); });
  const outcome = await holdfast('up', '--port', String(TAKEN_PORT));
  server.close();
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain(`port ${TAKEN_PORT} is in use by node (pid ${process.pid})`);
  expect(outcome.stderr).toContain('Nothing was changed');
  expect(existsSync(join(directory, 'vault')), 'secrets were made').toBe(false);
  expect(existsSync(join(directory, 'lock')), 'the lock was left').toBe(false);
});

test('a broken state file could end in a stack trace, or be overwritten', async () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'settings.json'), '{"host": "bank.exam');
  for (const command of ['up', 'status', 'down']) {
    const outcome = await holdfast(command);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toContain('settings.json is broken');
    expect(outcome.stderr).not.toContain('    at ');
  }
});

test('a lost key of the authority could be replaced in silence, and every certificate with it', async () => {
  mkdirSync(join(directory, 'ca'), { recursive: true });
  writeFileSync(join(directory, 'ca/ca.crt'), '-----BEGIN CERTIFICATE-----\n');
  const outcome = await holdfast('up', '--port', String(TAKEN_PORT));
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain('ca.key is gone');
});

test('two commands could work on one instance at once', async () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'lock'), `${process.pid} ${await startOf(process.pid)} up\n`);
  const outcome = await holdfast('up', '--port', String(TAKEN_PORT));
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain(`"holdfast up" is already at work on this instance (pid ${process.pid})`);
});

test('a purge could delete everything without anybody having said so', async () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'settings.json'), '{}');
  const outcome = await holdfast('down', '--purge');
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain('./holdfast down --purge --yes');
  expect(existsSync(join(directory, 'settings.json'))).toBe(true);
});

for (const words of [['up', '--port', 'eight'], ['up', '--port', '70000'], ['up', '--host', 'https://bank.example'], ['up', '--bind', '203.0.113.9'], ['up', '--registry', 'https://images.example'], ['scale', 'transactions'], ['scale', 'postgres=2'], ['scale', 'transactions=0'], ['logs', 'nobody'], ['fly'], ['status', '--yaml']]) {
  test(`wrong arguments could be taken for something else: ${words.join(' ')}`, async () => {
    if (words[0] === 'logs') {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'settings.json'), '{}');
    }
    const outcome = await holdfast(...words);
    expect(outcome.exitCode).toBe(2);
    expect(outcome.stderr.length).toBeGreaterThan(0);
    expect(outcome.stderr).not.toContain('    at ');
  });
}
