import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { run } from '../../platform/cli/run.ts';
import { Platform } from '../kit/platform.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

/** What every generated secret looks like to a searcher: its own text, and private keys by their unmistakable middle. */
function needles(): { name: string; text: string }[] {
  const vault = join(platform.instance.directory, 'vault');
  const generated = readdirSync(vault).map((name) => ({ name, text: readFileSync(join(vault, name), 'utf8') }));
  const secrets = join(platform.instance.directory, 'secrets');
  const keys = readdirSync(secrets).map((component) => ({
    name: `key of ${component}`,
    text: readFileSync(join(secrets, component, 'tls.key'), 'utf8').split('\n')[1]!,
  }));
  const authority = { name: 'key of the authority', text: readFileSync(join(platform.instance.directory, 'ca/ca.key'), 'utf8').split('\n')[1] ?? '' };
  return [...generated, ...keys, authority];
}

function exposedIn(text: string): string[] {
  return needles().filter((needle) => text.includes(needle.text)).map((needle) => needle.name);
}

test('a secret could stand in what docker inspect or an image\'s history shows', async () => {
  for (const container of await platform.containers()) {
    expect(exposedIn((await run('docker', ['inspect', container.id])).stdout), container.service).toEqual([]);
    expect(exposedIn((await run('docker', ['history', '--no-trunc', container.image])).stdout), container.image).toEqual([]);
  }
});

test('a secret could stand in the arguments or the environment of a process', () => {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    for (const file of ['cmdline', 'environ']) {
      let text: string;
      try {
        text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        continue; // The process has ended, which many do between the two calls.
      }
      expect(exposedIn(text), `${file} of ${text.slice(0, 80).replaceAll('\0', ' ')}`).toEqual([]);
    }
  }
});

test('a secret could stand in a log', async () => {
  for (const container of await platform.containers()) {
    const { stdout, stderr } = await run('docker', ['logs', container.id]);
    expect(exposedIn(stdout + stderr), container.service).toEqual([]);
  }
});

test('a secret could stand in a log of the command itself', () => {
  const logs = join(platform.instance.directory, 'log');
  for (const name of readdirSync(logs)) expect(exposedIn(readFileSync(join(logs, name), 'utf8')), name).toEqual([]);
});

test('a component could read the secrets of another', () => {
  const secrets = join(platform.instance.directory, 'secrets');
  // A component's directory may hold others, such as settings that are rendered for it.
  for (const entry of readdirSync(secrets, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    expect(modeOf(path), path).toBe(entry.isDirectory() ? '700' : '400');
  }
});

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}
