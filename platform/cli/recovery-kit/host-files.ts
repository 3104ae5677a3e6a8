import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asCalled } from '../../release/in-release-image.ts';
import { UserError } from '../errors.ts';
import { imageTag } from '../images/catalogue.ts';
import { PROJECT } from '../versions.ts';
import { throughProgram } from './bytes.ts';

/** Where the toolbox has the host's root, read-only (the shim mounts it). */
const HOST_ROOT = '/host';

/** Where a file of the host can be read from in here: the toolbox has the project at its own path, and everything else below /host. */
export function readableHere(path: string): string {
  const absolute = asCalled(path);
  return insideProject(absolute) || !existsSync(HOST_ROOT) ? absolute : join(HOST_ROOT, absolute);
}

/**
 * Writes a file of the host whole or not at all, for its owner's eyes only. Outside of the project the toolbox may only read, so a container that has this one
 * directory writes it. The file belongs to whom its directory belongs, who has to carry it away.
 */
export async function writeHostFile(path: string, content: Buffer, registry: string): Promise<void> {
  const directory = dirname(path);
  const seen = readableHere(directory);
  if (!existsSync(seen)) throw new UserError(`there is no directory ${directory}.`, [`Make it:  mkdir -p ${directory}`]);
  if (existsSync(readableHere(path)) && (await stat(readableHere(path))).isDirectory()) throw new UserError(`${path} is a directory; name a file in it.`, [], 2);
  const unfinished = `.${basename(path)}.${randomBytes(4).toString('hex')}`;
  if (insideProject(path) || !existsSync(HOST_ROOT)) {
    await writeHere(directory, unfinished, basename(path), content);
    return;
  }
  const script = 'umask 077 && cat > "/to/$0" && sync "/to/$0" && chown --reference=/to "/to/$0" && mv -f "/to/$0" "/to/$1" || { rm -f "/to/$0"; exit 1; }';
  await throughProgram('docker', ['run', '--rm', '-i', '--network', 'none', '--memory', '64m', '-v', `${directory}:/to`, '--entrypoint', 'sh', imageTag(registry, 'toolbox'), '-c', script, unfinished, basename(path)], content)
    .catch((error: Error) => { throw new UserError(`${path} could not be written: ${error.message.split('\n').at(-1) ?? ''}`, ['Is the file system writable, and is there room?']); });
}

async function writeHere(directory: string, unfinished: string, name: string, content: Buffer): Promise<void> {
  const partial = join(directory, unfinished);
  try {
    await writeFile(partial, content, { mode: 0o600, flush: true });
    const { uid, gid } = await stat(directory);
    if (process.getuid?.() === 0) await chown(partial, uid, gid);
    await chmod(partial, 0o600);
    await rename(partial, join(directory, name));
  } catch (error) {
    await rm(partial, { force: true });
    throw new UserError(`${join(directory, name)} could not be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}).`, ['Is the file system writable, and is there room?']);
  }
}

function insideProject(path: string): boolean {
  return path === PROJECT || path.startsWith(`${PROJECT}/`);
}
