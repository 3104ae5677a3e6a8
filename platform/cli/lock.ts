import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';

/**
 * Runs `work` while no other command changes this instance. The lock names its holder by process id (the toolbox sees
 * the host's processes), so that one left behind by a crash is recognised and taken over.
 */
export async function exclusively<T>(instance: Instance, command: string, work: () => Promise<T>): Promise<T> {
  await mkdir(instance.directory, { recursive: true, mode: 0o711 });
  const path = join(instance.directory, 'lock');
  await acquire(path, command);
  const release = (): Promise<void> => rm(path, { force: true });
  const interrupted = (): void => void release().then(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await release();
  }
}

async function acquire(path: string, command: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(`${process.pid} ${command}\n`);
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(path, error as NodeJS.ErrnoException);
    const [pid, holder] = (await readFile(path, 'utf8')).trim().split(' ');
    if (pid && existsSync(`/proc/${pid}`)) {
      throw new UserError(`"holdfast ${holder}" is already at work on this instance (pid ${pid}).`, [
        'Wait for it, or watch it:  ./holdfast status',
        `Or end it:                 kill ${pid}`,
      ]);
    }
    await rm(path, { force: true });
    await acquire(path, command);
  }
}

function unwritable(path: string, error: NodeJS.ErrnoException): Error {
  if (error.code !== 'EACCES' && error.code !== 'EROFS') return error;
  return new UserError(`${path} cannot be written (${error.code}).`, ['Move the project to a directory on a writable file system.']);
}
