import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { lastLines, run } from '../run.ts';
import { PROJECT, versions } from '../versions.ts';
import { imageTag, images, vendorImages, type Image } from './catalogue.ts';
import { bundleBeside, loadBundle } from './from-bundle.ts';

export const INPUTS_LABEL = 'org.holdfast.inputs';
/** The CA bundle of the host, mounted by the shim: builds trust what the host trusts, images do not. */
const HOST_CA = '/run/host-ca.crt';
/** As many builds at a time as a small machine has cores. */
const BUILDS_AT_A_TIME = 2;

/**
 * Gets every image of an installation in the one order: already loaded, else from the bundle that this project came in, else pulled
 * from the operator's registry, else built.
 * A loaded image whose inputs differ from this source tree is built anew, which is how a developer's change takes effect.
 */
export async function ensureImages(registry: string, logDirectory: string, say: (detail: string) => void, wanted: readonly Image[] = images): Promise<void> {
  const identities = await identify(wanted);
  await takeFromBundle(registry, wanted, identities, say);
  const missing: Image[] = [];
  for (const image of wanted) {
    const tag = imageTag(registry, image.name);
    const label = await labelOf(tag);
    if (label === identities.get(image.name)) continue;
    if (label === undefined && registry && !image.buildOnly && (await run('docker', ['pull', '-q', tag])).exitCode === 0) continue;
    missing.push(image);
  }
  await buildAll(neededFor(missing), registry, identities, logDirectory, say);
}

/** Only where the bundle holds what is missing: images that were built anew after a change stay. */
async function takeFromBundle(registry: string, wanted: readonly Image[], identities: Map<string, string>, say: (detail: string) => void): Promise<void> {
  const bundle = await bundleBeside();
  if (!bundle) return;
  for (const image of wanted) {
    const identity = identities.get(image.name);
    const isInBundle = bundle.images.some(({ tag, inputs }) => tag === imageTag('', image.name) && inputs === identity);
    if (isInBundle && (await labelOf(imageTag(registry, image.name))) !== identity) return loadBundle(bundle, registry, say);
  }
}

/** The build-only images are skipped while nothing that stands on them is missing. */
function neededFor(missing: readonly Image[]): Image[] {
  const required = new Set(missing.filter((image) => !image.buildOnly).flatMap((image) => [image.name, ...image.on]));
  return missing.filter((image) => required.has(image.name));
}

/** Which of the vendor's images are here or can be pulled. */
export async function availableVendorProfiles(registry: string): Promise<string[]> {
  const profiles: string[] = [];
  for (const { profile, image } of vendorImages(registry)) {
    if (await isAvailable(image)) profiles.push(profile);
  }
  return profiles;
}

export async function isAvailable(image: string): Promise<boolean> {
  if ((await run('docker', ['image', 'inspect', image])).exitCode === 0) return true;
  // Asked first and briefly, as most machines without the image have no internet; the download itself may take its time.
  const exists = (await run('timeout', ['10', 'docker', 'manifest', 'inspect', image])).exitCode === 0;
  return exists && (await run('docker', ['pull', '-q', image])).exitCode === 0;
}

async function buildAll(missing: readonly Image[], registry: string, identities: Map<string, string>, logDirectory: string, say: (detail: string) => void): Promise<void> {
  const finished = new Map<string, Promise<void>>();
  const slots = new Slots(BUILDS_AT_A_TIME);
  let built = 0;
  for (const image of missing) {
    const parents = image.on.map((parent) => finished.get(parent));
    finished.set(
      image.name,
      (async () => {
        await Promise.all(parents);
        await slots.take(async () => {
          const began = Date.now();
          await build(image, registry, identities.get(image.name) ?? '', join(logDirectory, `build-${image.name}.log`));
          say(`${++built} of ${missing.length} built, ${image.name} in ${Math.round((Date.now() - began) / 1000)} s`);
        });
      })(),
    );
  }
  await Promise.all(finished.values());
}

async function build(image: Image, registry: string, identity: string, logFile: string): Promise<void> {
  const buildArguments = [...Object.entries(versions), ['HOLDFAST_REGISTRY', registry] as const].flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const outcome = await run('docker', [
    'buildx', 'build', '--progress', 'plain', '--load',
    '-t', imageTag(registry, image.name), '-f', join(PROJECT, image.dockerfile), '--label', `${INPUTS_LABEL}=${identity}`,
    // Another version is another image, even where nothing in it has changed: withdrawing one from a registry leaves the others.
    '--label', `org.opencontainers.image.version=${versions.HOLDFAST_VERSION}`,
    ...(image.target ? ['--target', image.target] : []),
    ...(existsSync(HOST_CA) ? ['--secret', `id=host-ca,src=${HOST_CA}`] : []),
    ...buildArguments, PROJECT,
  ], { logFile });
  if (outcome.exitCode !== 0) {
    throw new UserError(`the image ${image.name} could not be built. The end of its log:`, [
      ...(await lastLines(logFile)),
      `All of it:      less ${logFile}`,
      'When it is mended (often the network or a mirror), go on with:  ./holdfast up',
    ]);
  }
}

export async function labelOf(tag: string): Promise<string | undefined> {
  const outcome = await run('docker', ['image', 'inspect', '-f', `{{index .Config.Labels "${INPUTS_LABEL}"}}`, tag]);
  return outcome.exitCode === 0 ? outcome.stdout.trim() : undefined;
}

/** Content hash of each image: its Dockerfile and files, its parents' identities, the versions that it names. */
export async function identify(wanted: readonly Image[] = images): Promise<Map<string, string>> {
  const identities = new Map<string, string>();
  for (const image of wanted) {
    const dockerfile = await readFile(join(PROJECT, image.dockerfile), 'utf8');
    const versionsUsed = Object.entries(versions).filter(([name]) => dockerfile.includes(name));
    const hash = createHash('sha256').update(dockerfile).update(JSON.stringify(versionsUsed)).update(image.target ?? '');
    for (const parent of image.on) hash.update(identities.get(parent) ?? parent);
    for (const input of image.inputs) await addToHash(hash, input);
    identities.set(image.name, hash.digest('hex').slice(0, 16));
  }
  return identities;
}

const NOT_PART_OF_IMAGES = new Set(['node_modules', 'dist', 'coverage', 'compose.yml', 'README.md']);

async function addToHash(hash: Hash, path: string): Promise<void> {
  const absolute = join(PROJECT, path);
  if ((await stat(absolute)).isDirectory()) {
    for (const entry of (await readdir(absolute)).toSorted()) {
      if (!NOT_PART_OF_IMAGES.has(entry) && !entry.endsWith('.tsbuildinfo')) await addToHash(hash, join(path, entry));
    }
  } else {
    hash.update(path).update(await readFile(absolute));
  }
}

/** Lets at most `count` pieces of work run at a time. */
class Slots {
  private readonly waiting: (() => void)[] = [];
  private free: number;

  constructor(count: number) {
    this.free = count;
  }

  async take(work: () => Promise<void>): Promise<void> {
    if (this.free === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.free--;
    try {
      await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}
