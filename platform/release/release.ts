import { rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../cli/errors.ts';
import { plain, Progress } from '../cli/progress.ts';
import { channelOf } from './readiness.ts';
import type { Published, Registry, ReleasedImage } from './registry.ts';
import { signFile, verifyFile, type Keys } from './signing.ts';

/** What is released, and where to. */
export interface Plan {
  version: string;
  commit: string;
  images: readonly ReleasedImage[];
  keys: Keys;
  /** The public key of files that installers trust. */
  bundlePublicKey: string;
  /** Nothing: the bundle alone is released. */
  registry: Registry | undefined;
  /** Takes the bundle, its signature and the record. */
  output: string;
}

/** The steps that need the whole of Holdfast; tests put small ones in their place. */
export interface Steps {
  /** Writes the archive to this path. */
  bundle(file: string, say: (detail: string) => void): Promise<unknown>;
  /** Installs what was published on a fresh instance, proves it, and takes it away again. Throws if it is not good. */
  tryOut(archive: string, published: readonly Published[]): Promise<void>;
  /** Brings the installation that follows releases to this one; throws when it does not get up, having brought the earlier version back. */
  upgrade?(archive: string): Promise<{ goBack(): Promise<void> }>;
  /** Throws where the release was asked to end. */
  untilInterrupted(): void;
}

/** What a release leaves behind for people and programs: `release.json`. */
export interface ReleaseRecord {
  version: string;
  commit: string;
  status: 'released' | 'failed';
  channel: string;
  images: { reference: string; digest: string }[];
  files: string[];
  failure?: { step: string; reason: string; details: readonly string[]; not_undone: string[] };
}

/**
 * Publishes, checks and tries a version, and only then lets its channel name it. Whatever fails on the way, all of it is undone: the channel
 * and the installation are where they were, the version is in no registry, the output holds a record of the failure and nothing to install.
 */
export async function release(plan: Plan, steps: Steps): Promise<ReleaseRecord> {
  const channel = channelOf(plan.version);
  const archive = join(plan.output, `holdfast-${plan.version}.tar`);
  const undo: { label: string; work: () => Promise<void> }[] = [];
  const published: Published[] = [];
  const progress = new Progress(6);
  let current = '';
  const step = <T>(label: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> => {
    current = label;
    steps.untilInterrupted();
    return progress.step(label, work);
  };
  const record = (status: ReleaseRecord['status']): ReleaseRecord => ({
    version: plan.version, commit: plan.commit, status, channel, files: [],
    images: published.map(({ name, digest }) => ({ reference: `${plan.registry?.prefix}${name}:${plan.version}`, digest })),
  });

  try {
    await step('bundle', async (say) => {
      // Of an earlier run: nobody takes it for this one's.
      for (const name of ['release.json', 'release.json.sig', 'notes.md']) await rm(join(plan.output, name), { force: true });
      undo.push({ label: 'remove the bundle', work: async () => removeFiles(archive) });
      await steps.bundle(archive, say);
      await signFile(archive, plan.keys);
    });
    const earlier = await step('images: publish and sign', (say) => publishAll(plan, channel, published, undo, steps, say));
    await step('signatures: verify as an installer does', async (say) => {
      await verifyFile(archive, plan.bundlePublicKey);
      for (const [index, image] of published.entries()) {
        say(`${index + 1} of ${published.length}, ${image.name}`);
        steps.untilInterrupted();
        await plan.registry?.verify(image, plan.version);
      }
    });
    await step('try it: a fresh instance of what was published', () => steps.tryOut(archive, published));
    await step('upgrade the installation that follows', async (say) => {
      if (!steps.upgrade) return say('none is configured');
      const upgraded = await steps.upgrade(archive);
      undo.push({ label: 'take the installation back to the earlier version', work: () => upgraded.goBack() });
    });
    await step(`channel ${channel}`, (say) => moveChannel(plan, channel, published, earlier, undo, say));
    steps.untilInterrupted();
    const done = { ...record('released'), files: [archive, `${archive}.sha256`, `${archive}.sig`].map((file) => basename(file)) };
    undo.push({ label: 'remove the record', work: () => removeFiles(join(plan.output, 'release.json')) });
    await writeRecord(plan, done);
    await signFile(join(plan.output, 'release.json'), plan.keys);
    return done;
  } catch (error) {
    const reason = (error as Error).message;
    const details = error instanceof UserError ? error.next : [];
    const notUndone = await rollBack(undo);
    await writeRecord(plan, { ...record('failed'), failure: { step: current, reason, details, not_undone: notUndone } });
    throw new UserError(`${plan.version} was not released. "${current}" failed: ${reason}`, [
      ...details,
      ...(notUndone.length > 0 ? ['Rolled back, but for this, which is left to be done by hand:', ...notUndone] : [`Rolled back: ${channel} is as it was, and nothing of ${plan.version} is left where it was published.`]),
    ]);
  }
}

type Undo = { label: string; work: () => Promise<void> }[];

/** Resolves to what the channel names before this release. Refuses a version that is there already: what was published never changes. */
async function publishAll(plan: Plan, channel: string, published: Published[], undo: Undo, steps: Steps, say: (detail: string) => void): Promise<Map<string, string | undefined>> {
  const earlier = new Map<string, string | undefined>();
  const { registry } = plan;
  if (!registry) {
    say('no registry is configured: the bundle alone');
    return earlier;
  }
  for (const { name } of plan.images) {
    earlier.set(name, await registry.digestOf(name, channel));
    if ((await registry.digestOf(name, plan.version)) !== undefined) {
      throw new UserError(`${registry.prefix}${name}:${plan.version} is published already, and a published version never changes`, ['Release the next version;', 'or, if an interrupted release has left it:  ./holdfast release --withdraw v' + plan.version]);
    }
  }
  for (const [index, image] of plan.images.entries()) {
    steps.untilInterrupted();
    say(`${index + 1} of ${plan.images.length}, ${image.name}`);
    undo.push({ label: `withdraw ${registry.prefix}${image.name}:${plan.version}`, work: () => withdraw(registry, image.name, plan.version, channel) });
    published.push(await registry.publish(image, plan.version));
  }
  return earlier;
}

/** Removes a version's tag, unless the channel names the same: that one was good. */
export async function withdraw(registry: Registry, name: string, version: string, channel: string): Promise<void> {
  const digest = await registry.digestOf(name, version);
  if (digest === undefined) return;
  if (digest === (await registry.digestOf(name, channel))) throw new Error(`${channel} names it too`);
  await registry.remove(name, version);
}

async function moveChannel(plan: Plan, channel: string, published: readonly Published[], earlier: Map<string, string | undefined>, undo: Undo, say: (detail: string) => void): Promise<void> {
  const { registry } = plan;
  if (!registry) return say('no registry is configured');
  for (const [index, { name, digest }] of published.entries()) {
    say(`${index + 1} of ${published.length}, ${name}`);
    const before = earlier.get(name);
    undo.push({
      label: `take ${registry.prefix}${name}:${channel} back`,
      work: () => (before === undefined ? registry.remove(name, channel) : registry.moveChannel(name, channel, before, { sign: false })),
    });
    await registry.moveChannel(name, channel, digest, { sign: true });
  }
}

/** The last first. What cannot be undone does not keep the rest from being; it is named. */
async function rollBack(undo: Undo): Promise<string[]> {
  plain('rolling back');
  const failures: string[] = [];
  for (const { label, work } of undo.toReversed()) {
    const failure = await work().then(() => undefined, (error: unknown) => error as Error);
    if (failure) failures.push(`${label}: ${failure.message}`);
    plain(`  ${failure ? 'NOT DONE' : 'done'}  ${label}`);
  }
  return failures;
}

async function removeFiles(file: string): Promise<void> {
  for (const path of [file, `${file}.sha256`, `${file}.sig`]) await rm(path, { force: true });
}

async function writeRecord(plan: Plan, record: ReleaseRecord): Promise<void> {
  if (!(await stat(plan.output).catch(() => undefined))) return;
  await writeFile(join(plan.output, 'release.json'), JSON.stringify(record, null, 2) + '\n');
}
