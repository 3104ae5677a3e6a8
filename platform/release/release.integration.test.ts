import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { bundleBeside, IMAGES_FILE, loadBundle } from '../cli/images/from-bundle.ts';
import { docker, must, run } from '../cli/run.ts';
import { makeBundle } from './bundle.ts';
import { unpack, upgrade } from './installation.ts';
import { Registry, type ReleasedImage } from './registry.ts';
import { release, type Plan, type ReleaseRecord, type Steps } from './release.ts';
import { keysIn, verifyFile, type Keys } from './signing.ts';

/** A real registry, real signatures, real Docker; only the images and the project are small. */
jest.setTimeout(120_000);

const TAG_ROOT = `holdfast-release-test-${process.pid}`;
const NAMES = ['holdfast/one', 'holdfast/two'];
let directory: string;
let server: ChildProcess;
let address: string;
let keys: Keys;
let registry: Registry;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-release-'));
  keys = await makeKeys('keys');
  await makeProject();
  for (const version of ['1.0.0', '1.1.0']) for (const name of NAMES) await standIn(local(name, version), `${name} ${version}`);
});

afterAll(async () => {
  const left = (await docker('image', 'ls', '-q', '--filter', `reference=${TAG_ROOT}/*/*`)).split('\n').filter(Boolean);
  if (left.length > 0) await run('docker', ['image', 'rm', '--force', ...left]);
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  await restartRegistry({ deletes: true });
});

afterEach(async () => {
  await registry.close();
  server.kill();
});

test('what is released can be verified by an installer: images by policy, files by openssl alone', async () => {
  const record = await release(plan('1.0.0'), steps('1.0.0'));
  expect(record.status).toBe('released');
  for (const { name, digest } of await published('1.0.0')) {
    await registry.verify({ name, local: '', digest }, '1.0.0');
    await registry.verify({ name, local: '', digest }, 'stable');
  }
  for (const file of ['holdfast-1.0.0.tar', 'release.json']) {
    const answer = await must('openssl', ['dgst', '-sha256', '-verify', join(keys.directory, 'bundle.pub'), '-signature', join(directory, 'out', `${file}.sig`), join(directory, 'out', file)]);
    expect(answer.trim()).toBe('Verified OK');
  }
});

test('a version that does not pass its trial is withdrawn, and stable names the earlier one', async () => {
  await release(plan('1.0.0'), steps('1.0.0'));
  const before = await channel();
  const failing = release(plan('1.1.0'), { ...steps('1.1.0'), tryOut: () => Promise.reject(new Error('the transfer was refused')) });
  await expect(failing).rejects.toThrow('the transfer was refused');
  expect(await channel()).toEqual(before);
  for (const name of NAMES) {
    expect(await registry.digestOf(name, '1.1.0')).toBeUndefined();
    await registry.verify({ name, local: '', digest: before[name]! }, 'stable');
    expect(await tagsOf(name)).toEqual(['1.0.0', `${before[name]!.replace(':', '-')}.sig`, 'stable']);
  }
  expect(existsSync(join(directory, 'out', 'holdfast-1.1.0.tar'))).toBe(false);
  expect(await outcome()).toMatchObject({ status: 'failed', failure: { step: 'try it: a fresh instance of what was published', not_undone: [] } });
});

test('a first release that fails leaves no channel behind', async () => {
  const failing = release(plan('1.0.0'), { ...steps('1.0.0'), upgrade: async () => (await registry.remove('holdfast/two', '1.0.0'), nothingToGoBackTo) });
  await expect(failing).rejects.toThrow('"channel stable" failed');
  expect(await channel()).toEqual({ 'holdfast/one': undefined, 'holdfast/two': undefined });
});

test('a channel that has moved half way is moved back', async () => {
  await release(plan('1.0.0'), steps('1.0.0'));
  const before = await channel();
  const failing = release(plan('1.1.0'), { ...steps('1.1.0'), upgrade: async () => (await registry.remove('holdfast/two', '1.1.0'), nothingToGoBackTo) });
  await expect(failing).rejects.toThrow('"channel stable" failed');
  expect(await channel()).toEqual(before);
  expect(await registry.digestOf('holdfast/one', '1.1.0')).toBeUndefined();
});

test('in a registry that does not delete, a withdrawn version is an empty image that no policy takes', async () => {
  await restartRegistry({ deletes: false });
  const failing = release(plan('1.0.0'), { ...steps('1.0.0'), tryOut: () => Promise.reject(new Error('the transfer was refused')) });
  await expect(failing).rejects.toThrow('the transfer was refused');
  expect(await outcome()).toMatchObject({ status: 'failed', failure: { not_undone: [] } });
  for (const image of await published('1.0.0')) {
    const labels = await must('skopeo', ['inspect', '--tls-verify=false', '--format', '{{json .Labels}}', `docker://${address}/bank/${image.name}:1.0.0`]);
    expect(labels).toContain('org.holdfast.withdrawn');
    await expect(registry.verify(image, '1.0.0')).rejects.toThrow(/signature was required/i);
  }
});

test('a published version is never overwritten, and the attempt does not withdraw it', async () => {
  await release(plan('1.0.0'), steps('1.0.0'));
  const before = await published('1.0.0');
  await expect(release(plan('1.0.0'), steps('1.0.0'))).rejects.toThrow('never changes');
  expect(await published('1.0.0')).toEqual(before);
});

test('an image that was changed in the registry is refused', async () => {
  await release(plan('1.0.0'), steps('1.0.0'));
  const [one] = await published('1.0.0');
  // Another image under the name: not signed.
  await must('skopeo', ['copy', '-q', '--dest-tls-verify=false', `docker-daemon:${local('holdfast/one', '1.1.0')}`, `docker://${address}/bank/holdfast/one:1.0.0`]);
  await expect(registry.verify(one!, '1.0.0')).rejects.toThrow('was published');
  const other = (await registry.digestOf('holdfast/one', '1.0.0'))!;
  await expect(registry.verify({ ...one!, digest: other }, '1.0.0')).rejects.toThrow(/signature was required/i);
});

test('an older image under a newer name is refused, though its signature is good', async () => {
  const old = await registry.publish({ name: 'holdfast/one', local: local('holdfast/one', '1.0.0') }, '1.0.0');
  await registry.moveChannel('holdfast/one', '1.1.0', old.digest, { sign: false });
  await expect(registry.verify(old, '1.1.0')).rejects.toThrow(/identity|reference/i);
});

test('signatures of another key are refused, of images and of files', async () => {
  await release(plan('1.0.0'), steps('1.0.0'));
  const stranger = await makeKeys('stranger');
  const installer = await Registry.open(`${address}/bank`, join(directory, 'work'), stranger, join(stranger.directory, 'images.pub'));
  await expect(installer.verify((await published('1.0.0'))[0]!, '1.0.0')).rejects.toThrow(/signature/i);
  await installer.close();
  await expect(verifyFile(join(directory, 'out', 'holdfast-1.0.0.tar'), join(stranger.directory, 'bundle.pub'))).rejects.toThrow('is not of');
});

test('a file that was changed after it was signed is refused', async () => {
  await release(plan('1.0.0'), steps('1.0.0'));
  const file = join(directory, 'out', 'holdfast-1.0.0.tar');
  await flipByte(file);
  await expect(verifyFile(file, join(keys.directory, 'bundle.pub'))).rejects.toThrow('is not of');
});

test('a bundle gives its images to a Docker that has never seen them; a damaged one gives nothing', async () => {
  const tags = NAMES.map((name) => local(name, '1.0.0'));
  const file = join(directory, 'out', 'holdfast-1.0.0.tar');
  await makeBundle(file, packed('1.0.0'), () => undefined);
  const home = join(directory, 'unpacked');
  await unpack(file, home);
  expect(await readFile(join(home, 'holdfast'), 'utf8')).toContain('1.0.0');
  await docker('image', 'rm', ...tags);
  const bundle = (await bundleBeside(join(home, 'bundle')))!;
  await loadBundle(bundle, 'registry.bank.example/', () => undefined, join(home, 'bundle'));
  for (const tag of tags) await docker('image', 'inspect', tag, `registry.bank.example/${tag}`);
  await docker('image', 'rm', ...tags, ...tags.map((tag) => `registry.bank.example/${tag}`));
  await flipByte(join(home, 'bundle', IMAGES_FILE));
  await expect(loadBundle(bundle, '', () => undefined, join(home, 'bundle'))).rejects.toThrow('the bundle is damaged: images.tar.zst');
  for (const tag of tags) expect((await run('docker', ['image', 'inspect', tag])).exitCode).not.toBe(0);
  for (const name of NAMES) await standIn(local(name, '1.0.0'), `${name} 1.0.0`);
});

test('an installation that does not get up in the new version goes on with the earlier one', async () => {
  const installation = join(directory, 'installation');
  const archive = join(directory, 'out', 'holdfast-1.1.0.tar');
  const log = join(directory, 'upgrade.log');
  await makeBundle(archive, packed('1.1.0'), () => undefined);
  await unpack(archive, installation);
  await mkdir(join(installation, '.holdfast'));
  await writeFile(join(installation, '.holdfast', 'data'), 'of customers');

  await writeFile(join(installation, '.holdfast', 'refuses'), join(directory, 'holdfast-1.1.0'));
  await expect(upgrade(installation, archive, '1.1.0', log)).rejects.toThrow('up exited 1');
  expect(existsSync(join(directory, 'holdfast-1.1.0'))).toBe(false);
  expect(await readFile(join(installation, '.holdfast', 'runs'), 'utf8')).toBe(`up ${installation}\n`);
  // For a version that does not get in nobody was sent away.
  expect(existsSync(join(installation, '.holdfast', 'was-stopped'))).toBe(false);

  await writeFile(join(installation, '.holdfast', 'refuses'), 'nothing');
  const upgraded = await upgrade(installation, archive, '1.1.0', log);
  expect(await readFile(join(upgraded.directory, '.holdfast', 'data'), 'utf8')).toBe('of customers');
  expect(await readFile(join(upgraded.directory, '.holdfast', 'runs'), 'utf8')).toBe(`up ${upgraded.directory}\n`);
  await upgraded.goBack();
  expect(await readFile(join(installation, '.holdfast', 'data'), 'utf8')).toBe('of customers');
  expect(await readFile(join(installation, '.holdfast', 'runs'), 'utf8')).toBe(`up ${installation}\n`);
});

async function restartRegistry(options: { deletes: boolean }): Promise<void> {
  server?.kill();
  await registry?.close();
  address = await startRegistry(options.deletes);
  registry = await Registry.open(`${address}/bank`, join(directory, 'work'), keys, join(keys.directory, 'images.pub'));
}

const nothingToGoBackTo = { goBack: () => Promise.resolve() };

function plan(version: string): Plan {
  return { version, commit: 'c0ffee', images: NAMES.map((name): ReleasedImage => ({ name, local: local(name, version) })), keys, bundlePublicKey: join(keys.directory, 'bundle.pub'), registry, output: join(directory, 'out') };
}

function steps(version: string): Steps {
  return { bundle: (file, say) => makeBundle(file, packed(version), say), tryOut: () => Promise.resolve(), untilInterrupted: () => undefined };
}

function packed(version: string): Parameters<typeof makeBundle>[1] {
  return { tags: NAMES.map((name) => local(name, version)), toolbox: local('holdfast/one', version), version, project: join(directory, 'project') };
}

function local(name: string, version: string): string {
  return `${TAG_ROOT}/${name}:${version}`;
}

async function channel(): Promise<Record<string, string | undefined>> {
  return Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await registry.digestOf(name, 'stable')] as const)));
}

async function published(version: string): Promise<(ReleasedImage & { digest: string })[]> {
  return Promise.all(NAMES.map(async (name) => ({ name, local: '', digest: (await registry.digestOf(name, version))! })));
}

async function tagsOf(name: string): Promise<string[]> {
  return (JSON.parse(await must('skopeo', ['list-tags', '--tls-verify=false', `docker://${address}/bank/${name}`])) as { Tags: string[] }).Tags.toSorted();
}

async function outcome(): Promise<ReleaseRecord> {
  return JSON.parse(await readFile(join(directory, 'out', 'release.json'), 'utf8')) as ReleaseRecord;
}

async function flipByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 1;
  await writeFile(file, bytes);
}

/** As platform/release/README.md tells a maintainer to make them. */
async function makeKeys(name: string): Promise<Keys> {
  const at = keysIn(join(directory, name));
  await mkdir(at.directory);
  await writeFile(at.passphrase, 'correct horse');
  await must('skopeo', ['generate-sigstore-key', '--output-prefix', join(at.directory, 'images'), '--passphrase-file', at.passphrase]);
  await must('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-aes256', '-pass', `file:${at.passphrase}`, '-out', at.bundlePrivate]);
  await must('openssl', ['pkey', '-in', at.bundlePrivate, '-passin', `file:${at.passphrase}`, '-pubout', '-out', join(at.directory, 'bundle.pub')]);
  return at;
}

/** Its `holdfast` only notes that it was started, from where; and does not get up where `.holdfast/refuses` says so. */
async function makeProject(): Promise<void> {
  const project = join(directory, 'project');
  await mkdir(project);
  await writeFile(join(project, 'holdfast'), `#!/bin/bash
# 1.0.0
cd "$(dirname "$0")" || exit
[ "$1" = down ] && touch .holdfast/was-stopped
[ "$1" = up ] && [ "$(cat .holdfast/refuses)" = "$PWD" ] && exit 1
echo "$1 $PWD" >.holdfast/runs
`);
  await chmod(join(project, 'holdfast'), 0o755);
  await writeFile(join(project, '.gitignore'), '/.holdfast/\n');
  for (const words of [['init', '-q'], ['add', '-A'], ['-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-qm', 'all']]) await must('git', ['-C', project, ...words]);
}

/** An image of one small file. */
async function standIn(tag: string, content: string): Promise<void> {
  const root = await mkdtemp(join(directory, 'image-'));
  await writeFile(join(root, 'content'), content);
  await must('tar', ['-C', root, '-cf', `${root}.tar`, '.']);
  await docker('import', `${root}.tar`, tag);
}

/** Empty, in a directory of its own, on a free port of loopback. */
async function startRegistry(deletes: boolean): Promise<string> {
  const data = await mkdtemp(join(directory, 'registry-'));
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address() as AddressInfo;
      probe.close(() => resolve(free));
    });
  });
  const configuration = join(data, 'config.json');
  await writeFile(configuration, JSON.stringify({ version: 0.1, log: { level: 'error' }, storage: { filesystem: { rootdirectory: data }, delete: { enabled: deletes } }, http: { addr: `127.0.0.1:${port}` } }));
  server = spawn('docker-registry', ['serve', configuration], { stdio: 'ignore' });
  const deadline = Date.now() + 20_000;
  for (;;) {
    if (await fetch(`http://127.0.0.1:${port}/v2/`).then((answer) => answer.ok, () => false)) return `127.0.0.1:${port}`;
    if (Date.now() > deadline) throw new Error('the registry did not start');
    await pause(100);
  }
}
