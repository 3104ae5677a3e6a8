import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { UserError } from '../errors.ts';
import { docker } from '../run.ts';
import { PROJECT } from '../versions.ts';

/** What `holdfast bundle` says of an image that it packed. */
export interface BundledImage {
  /** As loaded, such as `holdfast/edge:0.1.0`. */
  tag: string;
  /** Docker's image id: the hash of its configuration, and so of all its layers. */
  id: string;
  /** The identity that it was built from (`org.holdfast.inputs`); empty for images of vendors. */
  inputs: string;
  size_bytes: number;
}

/** `bundle/manifest.json` in an unpacked bundle. */
export interface BundleManifest {
  version: string;
  commit: string;
  /** The largest files, as they are in the bundle: name -> bytes and SHA-256. */
  files: Record<string, { size_bytes: number; sha256: string }>;
  images: BundledImage[];
}

export const IMAGES_FILE = 'images.tar.zst';

/** The bundle that this project was unpacked from, or nothing where it is a clone. */
export async function bundleBeside(directory = join(PROJECT, 'bundle')): Promise<BundleManifest | undefined> {
  const path = join(directory, 'manifest.json');
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(await readFile(path, 'utf8')) as BundleManifest;
  } catch (error) {
    throw damaged(directory, `${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Loads every image of the bundle. The archive is read once before, so that a damaged one changes nothing. */
export async function loadBundle(manifest: BundleManifest, registry: string, say: (detail: string) => void, directory = join(PROJECT, 'bundle')): Promise<void> {
  const archive = join(directory, IMAGES_FILE);
  say(`checking ${archive}`);
  const have = existsSync(archive) ? await sha256(archive) : 'nothing';
  const want = manifest.files[IMAGES_FILE]?.sha256;
  if (have !== want) throw damaged(directory, `${IMAGES_FILE} has the SHA-256 ${have}, and should have ${want}`);
  say(`loading ${manifest.images.length} images of the bundle`);
  const load = spawn('docker', ['load', '-q'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  load.stderr.on('data', (chunk: Buffer) => (complaint += chunk));
  const ended = new Promise<number | null>((resolve) => load.once('close', resolve));
  const fed = await pipeline(createReadStream(archive), createZstdDecompress(), load.stdin).then(() => undefined, (error: unknown) => error as Error);
  if ((await ended) !== 0 || fed) throw new UserError(`the images of the bundle could not be loaded: ${complaint.trim() || fed?.message}`, ['Is there room?   docker system df', 'When it is mended, go on with:  ./holdfast up']);
  for (const image of manifest.images) {
    const id = (await docker('image', 'inspect', '-f', '{{.Id}}', image.tag)).trim();
    if (id !== image.id) throw damaged(directory, `${image.tag} was loaded as ${id}, and should be ${image.id}`);
    if (registry) await docker('tag', image.tag, `${registry}${image.tag}`);
  }
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 ** 2 }), hash);
  return hash.digest('hex');
}

function damaged(directory: string, why: string): UserError {
  return new UserError(`the bundle is damaged: ${why}.`, [`See all of it:    cd ${directory} && sha256sum -c SHA256SUMS`, 'Unpack or copy it again, and compare it with its .sha256 file first.']);
}
