import { link, mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';
import { tellKitState } from './recovery-kit/record.ts';

/**
 * Runs `work` while no other command changes this instance. The lock names its holder by process id (the toolbox sees
 * the host's processes), so that one left behind by a crash is recognised and taken over.
 */
export async function exclusively<T>(instance: Instance, command: string, work: () => Promise<T>): Promise<T> {
  const path = join(instance.directory, 'lock');
  await makeDirectory(instance.directory);
  await acquire(path, command);
  const release = async (): Promise<void> => {
    await rm(path, { force: true });
    // A command that was refused leaves nothing behind; a directory in which there is something stays.
    await rmdir(instance.directory).catch(() => undefined);
  };
  let end: Promise<never> | undefined;
  const interrupted = (): void => {
    console.error(`holdfast: ${command} was interrupted.`);
    end = release().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const result = await work();
    // What it has changed may be in the newest recovery kit as it was before.
    await tellKitState(instance);
    return result;
  } catch (error) {
    // Ctrl-C reaches the programs that were started for it too: that they failed is no news, and no defect.
    throw end ? await end : error;
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await release();
  }
}

/** Makes a directory of the state, and says it plainly where nothing can be written. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o711 }).catch((error: NodeJS.ErrnoException) => { throw unwritable(path, error); });
}

async function acquire(path: string, command: string): Promise<void> {
  const mine = `${path}.${process.pid}`;
  try {
    await writeFile(mine, `${process.pid} ${await startOf(process.pid)} ${command}\n`, { mode: 0o600 });
    // A link appears whole or not at all, and only where nothing is: nobody can see a lock without its holder.
    await link(mine, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(path, error as NodeJS.ErrnoException);
    await removeIfStale(path);
    await acquire(path, command);
  } finally {
    await rm(mine, { force: true });
  }
}

async function removeIfStale(path: string): Promise<void> {
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === undefined) return; // Released meanwhile.
  const [pid = '', started = '', ...holder] = content.trim().split(' ');
  if ((await startOf(Number(pid))) === started) {
    throw new UserError(`"holdfast ${holder.join(' ')}" is already at work on this instance (pid ${pid}).`, [
      'Wait for it, or watch it:  ./holdfast status',
      `Or end it:                 kill ${pid}`,
    ]);
  }
  // Aside first: should somebody else have taken the stale lock over by now, this is his, and goes back.
  const aside = `${path}.stale-${process.pid}`;
  await rename(path, aside);
  if ((await readFile(aside, 'utf8')) !== content) await link(aside, path);
  await rm(aside);
}

/** When a process started, in clock ticks since boot (proc(5), stat, field 22), or nothing where it is gone. Ids are used again, with another start. */
export async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function unwritable(path: string, error: NodeJS.ErrnoException): Error {
  // Node says ENOENT where a recursive mkdir meets a read-only file system (EROFS).
  if (!['EACCES', 'EROFS', 'ENOENT'].includes(error.code ?? '')) return error;
  return new UserError(`${path} cannot be written (${error.code === 'ENOENT' ? 'the file system is read-only' : error.code}).`, ['Move the project to a directory on a writable file system.']);
}
