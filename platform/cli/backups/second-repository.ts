import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { components } from '../../components.ts';
import type { BackupRepository } from '../../pgbackrest/configuration.ts';
import { waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import { imageTag } from '../images/catalogue.ts';
import type { Instance } from '../instance.ts';
import { run } from '../run.ts';
import { ownedFile } from '../state/secrets.ts';
import { configureBackups, S3_AUTHORITY, S3_KEY, S3_KEY_SECRET } from './configure.ts';
import { askScheduler, share, showBackups } from './scheduler.ts';

/** The host's files, as the toolbox sees them. */
const HOST = '/host';
const READY_SECONDS = 60;

export interface RepositoryOptions {
  path?: string;
  s3Endpoint?: string;
  s3Bucket?: string;
  s3Region?: string;
  s3Prefix?: string;
  s3KeyFile?: string;
  s3SecretFile?: string;
  s3CaFile?: string;
  s3UriStyle?: 'host' | 'path';
}

/** What the options mean, looked at before anything is changed. */
export async function repositoryFrom(options: RepositoryOptions, instance: Instance): Promise<BackupRepository> {
  const isS3 = Object.entries(options).some(([name, value]) => name.startsWith('s3') && value !== undefined);
  if ((options.path !== undefined) === isS3) throw new UserError('say where: either a directory or an object store.', ['./holdfast backups add-repository --path /mnt/backups', './holdfast backups add-repository --s3-endpoint … --s3-bucket … --s3-region … --s3-key-file … --s3-secret-file …'], 2);
  if (options.path !== undefined) return { kind: 'path', path: await directory(options.path, instance) };
  const wanted = { '--s3-endpoint': options.s3Endpoint, '--s3-bucket': options.s3Bucket, '--s3-region': options.s3Region, '--s3-key-file': options.s3KeyFile, '--s3-secret-file': options.s3SecretFile };
  const missing = Object.entries(wanted).filter(([, value]) => value === undefined).map(([name]) => name);
  if (missing.length > 0) throw new UserError(`an object store needs ${missing.join(', ')} as well.`, ['All of them:  ./holdfast help backups add-repository'], 2);
  for (const [name, value] of Object.entries({ '--s3-endpoint': options.s3Endpoint, '--s3-bucket': options.s3Bucket, '--s3-region': options.s3Region })) {
    if (!/^[\w.:-]+$/.test(value ?? '')) throw new UserError(`${name} ${value}: wants a plain name, without https:// and without a path.`, [], 2);
  }
  const prefix = options.s3Prefix ?? `/${instance.name}`;
  if (!/^(\/[\w.-]+)+$/.test(prefix)) throw new UserError(`--s3-prefix ${prefix}: wants a path that begins with a slash, such as /holdfast.`, [], 2);
  return { kind: 's3', endpoint: options.s3Endpoint ?? '', bucket: options.s3Bucket ?? '', region: options.s3Region ?? '', prefix, uriStyle: options.s3UriStyle ?? 'host', ownAuthority: options.s3CaFile !== undefined };
}

async function directory(path: string, instance: Instance): Promise<string> {
  const absolute = fromCaller(path);
  if (/[\s,:$]/.test(absolute)) throw new UserError(`${absolute}: blanks, commas, colons and dollars cannot stand in the name of a mounted directory.`, [], 2);
  const found = await stat(join(HOST, absolute)).catch(() => undefined);
  if (!found?.isDirectory()) throw new UserError(`${absolute} is not a directory of this machine.`, ['Mount the other disk and make one:', `  mkdir -p ${absolute}`]);
  const content = await readdir(join(HOST, absolute));
  const foreign = content.filter((name) => !['archive', 'backup', 'lost+found'].includes(name));
  if (foreign.length > 0) throw new UserError(`${absolute} holds other things (${foreign.slice(0, 3).join(', ')}): a repository wants a directory of its own.`, [`mkdir ${absolute}/${instance.name} && ./holdfast backups add-repository --path ${absolute}/${instance.name}`]);
  return absolute;
}

/** Relative to where the command was called. */
function fromCaller(path: string): string {
  return isAbsolute(path) ? resolve(path) : resolve(process.env.HOLDFAST_CALLED_IN ?? '/', path);
}

/** Each step leaves something that works, and the whole can be repeated. The nodes come last: WAL that one repository refuses waits on the node, for both. */
export async function addRepository(instance: Instance, repository: BackupRepository, options: RepositoryOptions, say: (detail: string) => void): Promise<void> {
  await refuseWhileRunning(instance);
  const before = instance.settings.backupRepository;
  if (repository.kind === 'path') await makeDirectories(instance, repository.path);
  else await keepCredentials(instance, options);
  instance.settings.backupRepository = repository;
  try {
    say('the repository host and the scheduler learn of it');
    await configureBackups(instance, { nodesToo: false });
    await restart(instance, say);
    for (const cluster of Object.keys(instance.clusters)) {
      say(`a place for ${cluster}`);
      await askScheduler(instance, ['make', cluster]);
    }
  } catch (error) {
    // As it was: nothing was pushed there yet.
    if (before) instance.settings.backupRepository = before;
    else delete instance.settings.backupRepository;
    await configureBackups(instance);
    await restart(instance, () => undefined);
    throw new UserError(`the repository was not added, and all is as it was: ${(error as Error).message}`, ['Is it reachable and writable? Is it the repository of another installation, with another passphrase?', ...(error instanceof UserError ? error.next : [])]);
  }
  say('the nodes push their WAL to it');
  await instance.save();
  await configureBackups(instance);
}

/** The nodes first: what they push to must be there. Its files stay where they are. */
export async function removeRepository(instance: Instance, say: (detail: string) => void): Promise<void> {
  await refuseWhileRunning(instance);
  delete instance.settings.backupRepository;
  say('the nodes push their WAL to the first one only');
  await configureBackups(instance);
  await instance.save();
  say('the repository host and the scheduler forget it');
  await restart(instance, say);
  for (const name of [S3_KEY, S3_KEY_SECRET, S3_AUTHORITY]) await rm(join(instance.directory, 'vault', name), { force: true });
}

/** Both are started anew, which would end it. */
async function refuseWhileRunning(instance: Instance): Promise<void> {
  const [running] = Object.entries((await showBackups(instance)).running);
  if (running) throw new UserError(`a backup of ${running[0]} is being taken${share(running[1])}. Nothing was changed.`, ['Try again when it is done:  ./holdfast backups'], 4);
}

async function restart(instance: Instance, say: (detail: string) => void): Promise<void> {
  const services = ['pgbackrest', 'backup-scheduler'];
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', '--force-recreate', ...services]);
  await waitUntilHealthy(instance, services, READY_SECONDS, say);
}

/** Through a container, as the toolbox sees the host read-only and a network's file system may know other owners. */
async function makeDirectories(instance: Instance, path: string): Promise<void> {
  const { uid } = components.pgbackrest;
  const made = await run('docker', ['run', '--rm', '--network', 'none', '--user', '0:0', '-v', `${path}:/repository`, '--entrypoint', 'install', imageTag(instance.settings.registry, 'pgbackrest'),
    '-d', '-o', String(uid), '-g', String(uid), '-m', '0700', '/repository/archive', '/repository/backup']);
  if (made.exitCode !== 0) throw new UserError(`${path} cannot be written: ${made.stderr.trim()}`, [`It must belong to uid ${uid}, or root must be able to give it to that uid:  chown ${uid}:${uid} ${path}`]);
}

async function keepCredentials(instance: Instance, options: RepositoryOptions): Promise<void> {
  for (const [name, file] of [[S3_KEY, options.s3KeyFile], [S3_KEY_SECRET, options.s3SecretFile], [S3_AUTHORITY, options.s3CaFile]] as const) {
    const path = join(instance.directory, 'vault', name);
    if (file === undefined) {
      await rm(path, { force: true });
      continue;
    }
    const source = join(HOST, fromCaller(file));
    if (!existsSync(source)) throw new UserError(`${fromCaller(file)} is not there.`, [], 2);
    const content = (await readFile(source, 'utf8')).trim();
    if (content === '') throw new UserError(`${fromCaller(file)} is empty.`, [], 2);
    await ownedFile(path, content, 0);
  }
}
