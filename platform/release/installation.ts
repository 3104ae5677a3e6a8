import { existsSync } from 'node:fs';
import { lstat, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { UserError } from '../cli/errors.ts';
import { lastLines, must, run } from '../cli/run.ts';
import type { Published } from './registry.ts';

/** Unpacks an archive of `holdfast bundle` into a directory that is its own. */
export async function unpack(archive: string, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await must('tar', ['-xf', archive, '--strip-components=1', '-C', directory]);
}

export interface Trial {
  /** Where it is unpacked; a path that Docker's host has too. */
  directory: string;
  instance: string;
  port: number;
  /** Where images come from; nothing: from the bundle. */
  registry: string | undefined;
  version: string;
  log: string;
}

/**
 * The installer's way: unpack, `./holdfast up` (whose last step moves money through all of it), `./holdfast status`. Without the bundle's images
 * where there is a registry, so that what runs is what was pulled. Leaves nothing but the images.
 */
export async function tryOut(archive: string, published: readonly Published[], trial: Trial): Promise<void> {
  await unpack(archive, trial.directory);
  if (trial.registry) await rm(join(trial.directory, 'bundle'), { recursive: true });
  const environment = { HOLDFAST_INSTANCE: trial.instance, HOLDFAST_REGISTRY: trial.registry ?? '' };
  try {
    await holdfast(trial.directory, ['up', '--port', String(trial.port)], environment, trial.log);
    const status = await run('bash', [join(trial.directory, 'holdfast'), 'status', '--json'], { environment });
    if (status.exitCode !== 0) throw new Error(`not every component is healthy: ${ill(status.stdout)}`);
    for (const { name, digest } of published) await mustBe(`${trial.registry}${name}:${trial.version}`, `${trial.registry}${name}@${digest}`);
  } finally {
    await run('bash', [join(trial.directory, 'holdfast'), 'down', '--purge', '--yes'], { environment, logFile: trial.log });
    await rm(trial.directory, { recursive: true, force: true });
  }
}

function ill(json: string): string {
  const { components } = JSON.parse(json) as { components: { component: string; health: string }[] };
  return components.filter(({ health }) => health !== 'healthy').map(({ component, health }) => `${component} is ${health}`).join(', ');
}

/** What Docker runs under a tag must be what was signed. */
async function mustBe(tag: string, digest: string): Promise<void> {
  const digests = JSON.parse(await must('docker', ['image', 'inspect', '-f', '{{json .RepoDigests}}', tag])) as string[];
  if (!digests.includes(digest)) throw new Error(`${tag} is ${digests.join(', ') || 'not from a registry'} here, and ${digest} was published`);
}

/**
 * Brings an installation to the version in the archive: its state moves into the new version's directory beside it, while it runs on, and the new version takes
 * over from there. The earlier directory stays as it was, without state, so the way back is the same way. If the new version does not get up, that way is gone at once.
 */
export async function upgrade(installation: string, archive: string, version: string, log: string): Promise<{ directory: string; goBack(): Promise<void> }> {
  const next = join(dirname(installation), `holdfast-${version}`);
  if (!existsSync(join(installation, '.holdfast'))) throw new UserError(`${installation} is no installation: it has no .holdfast.`, ['Name the directory in which ./holdfast up was run.']);
  if (existsSync(next)) throw new UserError(`${next} is there already.`, ['Remove it, if nothing runs from it.']);
  await unpack(archive, next);
  const goBack = async (): Promise<void> => {
    await moveState(next, installation);
    await holdfast(installation, ['up', '--go-back'], {}, log);
    await rm(next, { recursive: true, force: true });
  };
  try {
    await moveState(installation, next);
    await holdfast(next, ['up'], {}, log);
  } catch (error) {
    await goBack();
    throw error;
  }
  return { directory: next, goBack };
}

/** Containers that start again meanwhile look for their secrets where these were: a link leads them on. */
async function moveState(from: string, to: string): Promise<void> {
  const [here, there] = [join(from, '.holdfast'), join(to, '.holdfast')];
  const [hereIs, thereIs] = await Promise.all([here, there].map((path) => lstat(path).catch(() => undefined)));
  // It has not moved, or is back already.
  if (!hereIs?.isDirectory()) return;
  if (thereIs?.isSymbolicLink()) await rm(there);
  await rename(here, there);
  await symlink(relative(from, there), here);
}

async function holdfast(directory: string, words: readonly string[], environment: Record<string, string>, log: string): Promise<void> {
  const outcome = await run('bash', [join(directory, 'holdfast'), ...words], { environment, logFile: log });
  if (outcome.exitCode !== 0) throw new UserError(`${join(directory, 'holdfast')} ${words.join(' ')} exited ${outcome.exitCode}. The end of its log:`, await lastLines(log));
}
