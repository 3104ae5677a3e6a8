import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { PROJECT, versions } from '../versions.ts';
import { lock, unlock, type Lock, type Opener } from './age.ts';
import { throughProgram } from './bytes.ts';
import { kitContents, type KitFile } from './contents.ts';

/** What a kit says of itself: no value of a secret. */
export interface Manifest {
  format: 1;
  instance: string;
  made_at: string;
  /** The commit of the project that made it, where the project says so. */
  commit: string | null;
  versions: Record<string, string>;
  url: string;
  /** The number of a shard is its place in this list; which bucket is on which shard stands in the database of shard 0 and comes back with it. */
  ledger_clusters: string[];
  clusters: string[];
  files: readonly KitFile[];
  left_out: readonly string[];
}

const MANIFEST = 'manifest.json';

/** Everything of an instance's state that a restore needs, as a tar inside age encryption. */
export async function packKit(instance: Instance, how: Lock): Promise<{ kit: Buffer; manifest: Manifest }> {
  const contents = await kitContents(instance.directory);
  if (!contents.files.some(({ path }) => path === join('ca', 'ca.key'))) {
    throw new UserError(`instance "${instance.name}" has no secrets yet.`, ['Make them:  ./holdfast up']);
  }
  const clusters = Object.keys(instance.clusters);
  const manifest: Manifest = {
    format: 1, instance: instance.name, made_at: new Date().toISOString(), commit: await commitOf(PROJECT), versions, url: instance.url,
    clusters, ledger_clusters: clusters.filter((name) => name.startsWith('ledger')), ...contents,
  };
  const aside = await mkdtemp(join(tmpdir(), 'recovery-kit-'));
  try {
    await writeFile(join(aside, MANIFEST), JSON.stringify(manifest, null, 2));
    // From the state directory to memory and into the encryption: no secret touches another disk. Owners by number, as the names differ from host to host.
    const tar = await throughProgram('tar', ['--create', '--numeric-owner', '--file=-', `--directory=${aside}`, MANIFEST, `--directory=${instance.directory}`, ...contents.files.map(({ path }) => path)]);
    return { kit: await lock(tar, how), manifest };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

export interface OpenedKit {
  readonly manifest: Manifest;
  readonly tar: Buffer;
}

/** Decrypts a kit and reads what it says of itself. */
export async function openKit(kit: Buffer, opener: Opener, name: string): Promise<OpenedKit> {
  const tar = await unlock(kit, opener, name);
  const text = await throughProgram('tar', ['--extract', '--to-stdout', '--file=-', MANIFEST], tar).catch(() => undefined);
  if (text === undefined) throw new UserError(`${name} was opened, and is no recovery kit: it has no ${MANIFEST}.`);
  const manifest = JSON.parse(text.toString()) as Manifest;
  if (manifest.format !== 1) throw new UserError(`${name} has the format ${String(manifest.format)}, which this version of Holdfast does not know.`, ['Use the version that made it, or a newer one.']);
  return { manifest, tar };
}

/**
 * Gives an instance that is not there the state that the kit holds. It appears whole or not at all: a crash in the middle leaves a directory beside it,
 * which the next attempt removes.
 */
export async function unpackKit({ manifest, tar }: OpenedKit, stateDirectory: string): Promise<void> {
  const unfinished = `${stateDirectory}.importing`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o711 });
  // Only what the manifest names, so that a path that leads out of the directory is not even looked at.
  const paths = manifest.files.map(({ path }) => path);
  const bad = paths.find((path) => path.startsWith('/') || path.split('/').includes('..'));
  if (bad !== undefined) throw new UserError(`the kit names a file outside of its place: ${bad}.`);
  await throughProgram('tar', ['--extract', '--numeric-owner', '--same-owner', '--same-permissions', '--file=-', `--directory=${unfinished}`, ...paths], tar);
  const { files } = await kitContents(unfinished);
  const differing = manifest.files.filter((wanted) => !files.some(({ path, sha256 }) => path === wanted.path && sha256 === wanted.sha256));
  if (differing.length > 0) throw new UserError(`the kit is damaged: ${differing.map(({ path }) => path).join(', ')} did not come out as it went in.`, ['Use another copy of the kit.']);
  // The caller has looked: what is there is the lock of this very command, which goes along, and logs.
  for (const name of await readdir(stateDirectory).catch(() => [])) await rename(join(stateDirectory, name), join(unfinished, name));
  await rm(stateDirectory, { recursive: true, force: true });
  await rename(unfinished, stateDirectory);
}

/** Throws where a kit would be put over something. */
export async function refuseOverInstance(instance: Instance): Promise<void> {
  const there = (await readdir(instance.directory).catch(() => [])).filter((name) => name !== 'log' && !name.startsWith('lock'));
  if (there.length === 0) return;
  throw new UserError(`there is an instance "${instance.name}" here already, and a kit is put over none. Nothing was changed.`, [
    'Put it under another name:      ./holdfast --instance NAME …',
    'Or delete the one that is here: ./holdfast down --purge',
  ]);
}

/** Without git: the toolbox has none, and an installation from a bundle is no clone. */
export async function commitOf(project: string): Promise<string | null> {
  const bundle = join(project, 'bundle', 'manifest.json');
  if (existsSync(bundle)) return (JSON.parse(await readFile(bundle, 'utf8')) as { commit?: string }).commit ?? null;
  const git = join(project, '.git');
  const head = await readFile(join(git, 'HEAD'), 'utf8').catch(() => '');
  const reference = /^ref: (\S+)/.exec(head)?.[1];
  if (reference === undefined) return /^[0-9a-f]{40}/.exec(head)?.[0] ?? null;
  const loose = await readFile(join(git, reference), 'utf8').catch(() => '');
  const packed = await readFile(join(git, 'packed-refs'), 'utf8').catch(() => '');
  return /^[0-9a-f]{40}/.exec(loose)?.[0] ?? packed.split('\n').find((line) => line.endsWith(` ${reference}`))?.slice(0, 40) ?? null;
}
