import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { UserError } from '../errors.ts';
import { imageTag } from '../images/catalogue.ts';
import type { Instance } from '../instance.ts';
import { docker } from '../run.ts';

const EXIT_USAGE = 2;

/** A file anywhere on the host, made whole or not at all. The toolbox sees the host read-only: what writes is a container that has this directory and nothing else. */
export interface HostFile {
  readonly stream: Writable;
  commit(): Promise<void>;
  abandon(): Promise<void>;
}

export function createHostFile(instance: Instance, file: string): HostFile {
  const path = isAbsolute(file) ? file : resolve(process.env.HOLDFAST_CALLED_IN ?? process.cwd(), file);
  const directory = dirname(path);
  if (!existsSync(join('/host', directory)) && !existsSync(directory)) throw new UserError(`there is no directory ${directory}.`, [], EXIT_USAGE);
  const inDirectory = (...script: [string, ...string[]]): string[] => containerCommand(instance, directory, ['sh', '-c', script[0], 'sh', basename(path)]);
  const writer = spawn('docker', inDirectory('umask 077; cat > "/out/$1.unfinished"'), { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(writer, 'close') as Promise<[number | null]>;
  // It may end before everything is written; then `commit` says so.
  writer.stdin.on('error', () => undefined);
  return {
    stream: writer.stdin,
    async commit() {
      const [code] = await ended;
      if (code !== 0) throw new UserError(`${path} could not be written.`, [`Is there room?  df -h ${directory}`]);
      await docker(...inDirectory('mv "/out/$1.unfinished" "/out/$1"'));
    },
    async abandon() {
      writer.stdin.end();
      await ended;
      await docker(...inDirectory('rm -f "/out/$1.unfinished"'));
    },
  };
}

/** Makes a directory of the host, or one that is there, belong to a component. */
export async function giveDirectory(instance: Instance, directory: string, uid: number): Promise<void> {
  await docker(...containerCommand(instance, directory, ['sh', '-c', `chown ${uid}:${uid} /out && chmod 0755 /out`]));
}

function containerCommand(instance: Instance, directory: string, command: readonly string[]): string[] {
  return ['run', '--rm', '--interactive', '--network', 'none', '--memory', '256m', '--user', '0:0', '--volume', `${directory}:/out`, imageTag(instance.settings.registry, 'services'), ...command];
}
