import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../cli/errors.ts';
import { imageTag, images, vendorElasticsearch, vendorImages } from '../cli/images/catalogue.ts';
import { isAvailable, INPUTS_LABEL } from '../cli/images/ensure.ts';
import { IMAGES_FILE, sha256, type BundledImage, type BundleManifest } from '../cli/images/from-bundle.ts';
import { must } from '../cli/run.ts';
import { PROJECT, versions } from '../cli/versions.ts';

export interface Bundle extends BundleManifest {
  file: string;
  size_bytes: number;
  sha256: string;
}

/** What goes into a bundle. */
export interface Packed {
  /** Images, as Docker has them here. */
  tags: readonly string[];
  toolbox: string;
  version: string;
  /** A git clone: its HEAD is packed. */
  project: string;
}

/** The shim loads this one before there is a toolbox, with what every Docker since 20.10 can unpack by itself. */
const TOOLBOX_FILE = 'toolbox.tar.gz';
/** Beyond this level the archive shrinks by a hundredth and takes twice the time. */
const ZSTD_LEVEL = 6;

/** Images of an installation, the base that a change would be built on, and those of the vendors that can be had here. */
export async function imagesToBundle(): Promise<Packed & { missing: string[] }> {
  const own = images.filter((image) => !image.buildOnly).map(({ name }) => imageTag('', name));
  const others = [`debian:${versions.DEBIAN_SUITE}-slim`, ...vendorImages('').map(({ image }) => image), vendorElasticsearch('')];
  const available = await Promise.all(others.map(isAvailable));
  return { toolbox: imageTag('', 'toolbox'), version: versions.HOLDFAST_VERSION ?? '', project: PROJECT, tags: [...own, ...others.filter((_, index) => available[index])], missing: others.filter((_, index) => !available[index]) };
}

/** What is packed is a commit: what `git status` shows would be in the images and not in the files, or the other way round. */
export async function committed(): Promise<string> {
  const git = (...args: string[]): Promise<string> => must('git', ['-c', 'safe.directory=*', '-C', PROJECT, ...args]);
  const commit = await git('rev-parse', 'HEAD').catch(() => {
    throw new UserError(`${PROJECT} is no git clone: a bundle is made of a commit.`, ['Clone the project, and run ./holdfast bundle there.']);
  });
  const changes = (await git('status', '--porcelain')).trim();
  if (changes) throw new UserError('there are changes that are not committed, and a bundle is made of a commit:', [...changes.split('\n').slice(0, 10), 'Commit them, or put them aside:  git stash --include-untracked']);
  return commit.trim();
}

/**
 * Writes one archive for an installation without internet: the project's files at this commit, and in `bundle/` the images,
 * what they are (manifest.json) and the sums of all of it. Beside it, its own sum. Takes its place when it is whole.
 */
export async function makeBundle(file: string, { tags, toolbox, version, project }: Packed, say: (detail: string) => void): Promise<Bundle> {
  const name = `holdfast-${version}`;
  const staging = join(project, '.holdfast', '_release', `bundle-${process.pid}`);
  const directory = join(staging, name, 'bundle');
  const partial = `${file}.partial`;
  try {
    await mkdir(directory, { recursive: true });
    await mkdir(dirname(file), { recursive: true });
    const commit = (await must('git', ['-c', 'safe.directory=*', '-C', project, 'rev-parse', 'HEAD'])).trim();
    say('the toolbox');
    await save([toolbox], 'gzip', join(directory, TOOLBOX_FILE));
    say(`${tags.length} images, compressing`);
    await save(tags, `zstd -q -T0 -${ZSTD_LEVEL}`, join(directory, IMAGES_FILE));
    const manifest: BundleManifest = { version, commit, files: {}, images: await Promise.all(tags.map(describe)) };
    for (const packed of [TOOLBOX_FILE, IMAGES_FILE]) manifest.files[packed] = { size_bytes: (await stat(join(directory, packed))).size, sha256: await sha256(join(directory, packed)) };
    await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
    const sums = [...Object.entries(manifest.files).map(([path, { sha256: sum }]) => `${sum}  ${path}`), `${await sha256(join(directory, 'manifest.json'))}  manifest.json`];
    await writeFile(join(directory, 'SHA256SUMS'), sums.join('\n') + '\n');
    say('packing');
    await must('git', ['-c', 'safe.directory=*', '-C', project, 'archive', '--format=tar', `--prefix=${name}/`, '-o', partial, commit]);
    await must('tar', ['--append', '-f', partial, '--owner=0', '--group=0', '-C', staging, `${name}/bundle`]);
    await rename(partial, file);
    const sum = await sha256(file);
    await writeFile(`${file}.sha256`, `${sum}  ${file.slice(dirname(file).length + 1)}\n`);
    return { ...manifest, file, size_bytes: (await stat(file)).size, sha256: sum };
  } finally {
    await rm(staging, { recursive: true, force: true });
    await rm(partial, { force: true });
  }
}

/** `docker save` of all images in one archive, in which what they share is once. */
async function save(tags: readonly string[], compress: string, path: string): Promise<void> {
  await must('bash', ['-c', `set -o pipefail; docker save "\${@:2}" | ${compress} >"$1"`, 'save', path, ...tags]);
}

async function describe(tag: string): Promise<BundledImage> {
  const [image] = JSON.parse(await must('docker', ['image', 'inspect', tag])) as [{ Id: string; Size: number; Config: { Labels: Record<string, string> | null } | null }];
  return { tag, id: image.Id, inputs: image.Config?.Labels?.[INPUTS_LABEL] ?? '', size_bytes: image.Size };
}
