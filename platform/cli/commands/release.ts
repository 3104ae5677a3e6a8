import { Command } from 'commander';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { committed, imagesToBundle, makeBundle } from '../../release/bundle.ts';
import { asCalled, hasReleaseTools, inReleaseImage } from '../../release/in-release-image.ts';
import { tryOut, upgrade } from '../../release/installation.ts';
import { channelOf, notesOf, ready } from '../../release/readiness.ts';
import { Registry, type ReleasedImage } from '../../release/registry.ts';
import { release, withdraw, type Steps } from '../../release/release.ts';
import { keysIn, PUBLIC_KEYS } from '../../release/signing.ts';
import { UserError } from '../errors.ts';
import { imageTag, images } from '../images/catalogue.ts';
import { ensureImages } from '../images/ensure.ts';
import { holderOfPort } from '../preflight/ports.ts';
import { plain, progressToStandardOutput } from '../progress.ts';
import { PROJECT } from '../versions.ts';
import { parsePort } from './up.ts';

const WORK = join(PROJECT, '.holdfast', '_release');
/** Beside an installation and a test run on the same machine. */
const TRIAL_PORT = 38_443;

interface Options {
  to: string;
  port: number;
  check?: true;
  withdraw?: true;
}

export function releaseCommand(): Command {
  return new Command('release')
    .description('build, sign, publish and try a version; undo all of it if it is not good (CI runs this on a tag)')
    .argument('<tag>', 'such as v1.2.3: must be what is checked out')
    .option('--to <directory>', 'takes the bundle, its signature, release.json and notes.md', 'release-output')
    .option('--port <number>', 'of the instance that tries it', parsePort, TRIAL_PORT)
    .option('--check', 'only whether this tag could be released')
    .option('--withdraw', 'remove what an interrupted release of this tag has left in the registry')
    .addHelpText('after', `
Variables:
  HOLDFAST_RELEASE_KEYS          directory of the private keys (platform/release/README.md says how they are made)
  HOLDFAST_RELEASE_REGISTRY      where images go, such as registry.example/holdfast; unset: the bundle alone is released.
                                 Signed in by docker login
  HOLDFAST_RELEASE_INSTALLATION  directory of an installation on this machine that follows releases; unset: none
Exit status: 0 released, 1 not released and rolled back (the message says why, and what could not be undone), 2 wrong arguments.`)
    .action(async (tag: string, options: Options) => {
      const keys = required('HOLDFAST_RELEASE_KEYS');
      const output = asCalled(options.to);
      const installation = followingInstallation();
      progressToStandardOutput();
      if (!hasReleaseTools) process.exitCode = await inReleaseImage({ read: [keys], write: [output, ...(installation ? [dirname(installation)] : [])] });
      else await releaseHere(tag, options, keys, output);
    });
}

async function releaseHere(tag: string, options: Options, keysDirectory: string, output: string): Promise<void> {
  const keys = keysIn(keysDirectory);
  const version = await ready(tag, keys, PROJECT);
  const commit = await committed();
  const holder = await holderOfPort(options.port);
  if (holder) throw new UserError(`port ${options.port}, on which the release is tried, is in use by ${holder.name}.`, [`Choose another:  ./holdfast release ${tag} --port ${options.port + 1}`, 'Nothing was changed.']);
  if (options.check) return plain(`${tag} can be released: commit ${commit.slice(0, 12)}, channel ${channelOf(version)}`);
  const address = process.env.HOLDFAST_RELEASE_REGISTRY;
  const registry = address ? await Registry.open(address, WORK, keys, join(PROJECT, PUBLIC_KEYS, 'images.pub')) : undefined;
  try {
    if (options.withdraw) return await withdrawAll(version, registry);
    plain('building images');
    await ensureImages('', join(WORK, 'log'), plain, images);
    const notes = notesOf(version, await readFile(join(PROJECT, 'CHANGELOG.md'), 'utf8'))?.text ?? '';
    const record = await release({ version, commit, images: releasedImages(), keys, bundlePublicKey: join(PROJECT, PUBLIC_KEYS, 'bundle.pub'), registry, output }, wholeSteps(version, registry, options.port));
    await writeFile(join(output, 'notes.md'), `${notes}\n`);
    const what = registry ? `${record.images.length} images and the bundle are signed and tried, and ${record.channel} names them` : 'the bundle is signed and tried';
    plain(`\n${version} is released: ${what}. What it is stands in ${output}/release.json.`);
  } finally {
    await registry?.close();
  }
}

function wholeSteps(version: string, registry: Registry | undefined, port: number): Steps {
  let interruptedBy: string | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {
    plain(`${signal}: this step ends, then all is rolled back`);
    interruptedBy = signal;
  });
  const installation = followingInstallation();
  const trial = { directory: join(WORK, 'trial'), instance: 'holdfast-release', port, registry: registry?.prefix, version, log: join(WORK, 'log', 'trial.log') };
  return {
    bundle: async (file, say) => makeBundle(file, await imagesToBundle(), say),
    tryOut: (archive, published) => tryOut(archive, published, trial),
    ...(installation ? { upgrade: (archive: string) => upgrade(installation, archive, version, join(WORK, 'log', 'upgrade.log')) } : {}),
    untilInterrupted: () => {
      if (interruptedBy) throw new Error(`ended by ${interruptedBy}`);
    },
  };
}

/** All of an installation, and the toolbox that its shim pulls. */
function releasedImages(): ReleasedImage[] {
  const names = ['toolbox', ...images.filter((image) => !image.buildOnly).map(({ name }) => name)];
  return names.map((name) => ({ name: `holdfast/${name}`, local: imageTag('', name) }));
}

async function withdrawAll(version: string, registry: Registry | undefined): Promise<void> {
  if (!registry) throw new UserError('there is nothing to withdraw from: HOLDFAST_RELEASE_REGISTRY is not set.', [], 2);
  for (const { name } of releasedImages()) await withdraw(registry, name, version, channelOf(version));
  plain(`nothing of ${version} is in ${registry.prefix}`);
}

function followingInstallation(): string | undefined {
  const path = process.env.HOLDFAST_RELEASE_INSTALLATION;
  return path ? asCalled(path) : undefined;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new UserError(`${name} is not set.`, ['See what it is:  ./holdfast help release'], 2);
  return asCalled(value);
}
