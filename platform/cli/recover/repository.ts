import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { secrets, type SecretName } from '../../components.ts';
import { UserError } from '../errors.ts';
import { imageTag } from '../images/catalogue.ts';
import type { Instance } from '../instance.ts';
import { readableHere } from '../recovery-kit/host-files.ts';
import { must } from '../run.ts';
import { readSecret } from '../state/secrets.ts';
import { ownSource, RestoreContainer, sourceIn, type Source } from './restore-container.ts';

/** The passphrase of the first repository, whose copy the new installation goes on with. */
const FIRST: SecretName = 'pgbackrest-cipher-passphrase';

export interface Found extends Source {
  /** It is (a copy of) the first repository: the new installation takes it over. Any other is only read. */
  readonly isFirst: boolean;
}

/** Throws unless the directory holds a pgBackRest repository with a backup of every cluster that one of the kit's passphrases opens. Tells which. */
export async function findRepository(instance: Instance, directory: string): Promise<Found> {
  const clusters = Object.keys(instance.clusters);
  const missing = clusters.find((cluster) => !existsSync(readableHere(join(directory, 'backup', cluster, 'backup.info'))));
  if (missing !== undefined) {
    throw new UserError(`${directory} is no backup repository, or has nothing of ${missing}: there is no ${join('backup', missing, 'backup.info')} in it.`, ['Is the disk mounted?        findmnt', 'Name the directory in which backup/ and archive/ are.']);
  }
  const troubles: string[] = [];
  for (const name of passphrases()) {
    const passphrase = await readSecret(instance.directory, name).catch(() => undefined);
    if (passphrase === undefined) continue;
    const source = sourceIn(directory, passphrase);
    const trouble = await troubleWith(instance, source);
    if (trouble === undefined) return { ...source, isFirst: name === FIRST };
    troubles.push(trouble);
  }
  const isKey = troubles.every((trouble) => /crypto|cipher|decrypt|encrypt/i.test(trouble));
  throw new UserError(isKey ? `no passphrase of this kit opens ${directory}: it belongs to another installation, or the kit is older than the repository.` : `${directory} cannot be read: ${troubles.join('; ')}.`, [
    isKey ? 'Use the newest kit of the installation that wrote the repository.' : `May everybody's group 6111 read it?  ls -ln ${directory}`,
  ]);
}

/** Every secret that opens a repository. */
function passphrases(): SecretName[] {
  return (Object.keys(secrets) as SecretName[]).filter((name) => /^pgbackrest.*passphrase/.test(name)).toSorted((a, b) => Number(b === FIRST) - Number(a === FIRST));
}

async function troubleWith(instance: Instance, source: Source): Promise<string | undefined> {
  const [cluster = ''] = Object.keys(instance.clusters);
  const container = await RestoreContainer.start({ name: `${instance.name}-recover-look`, registry: instance.settings.registry, cluster, source });
  try {
    const info = await container.info();
    return info === undefined ? 'it says nothing' : info.status.code === 0 ? undefined : [info.status, ...(info.repo ?? []).map(({ status }) => status)].map(({ message }) => message.replace(/\s+/g, ' ')).join(': ').slice(0, 400);
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  } finally {
    await container.remove();
  }
}

/** Copies a copy of the first repository to where the new installation has its own, for the user that serves it there. Done again, it changes nothing. */
export async function takeOver(instance: Instance, from: Source): Promise<Source> {
  const to = ownSource(instance, from.passphrase);
  const script = 'cp -a -u /from/. /to/ && chown -R 6111:6111 /to && find /to -type d -exec chmod 0750 {} + && sync -f /to';
  await must('docker', [
    'run', '--rm', '--network', 'none', '--memory', '256m', '--user', '0:0', '--volume', `${from.archive}:/from/archive:ro`, '--volume', `${from.backup}:/from/backup:ro`,
    '--volume', `${to.archive}:/to/archive`, '--volume', `${to.backup}:/to/backup`, imageTag(instance.settings.registry, 'pgbackrest'), 'sh', '-c', script,
  ]);
  return to;
}

/**
 * The settings of the kit name directories of the lost machine: where it had a second repository, a second place of audit checkpoints, and snapshots of log lines. The repository is where the
 * operator says; what is not here at all is no longer configured, as Docker would make an empty directory in its place. Resolves with what people should know.
 */
export async function settleDirectories(instance: Instance, found: Found, directory: string): Promise<string[]> {
  const { settings } = instance;
  const notes: string[] = [];
  const isHere = (path: string): boolean => existsSync(readableHere(path));
  if (!found.isFirst) settings.backupRepository = { kind: 'path', path: directory };
  else if (settings.backupRepository?.kind === 'path' && !isHere(settings.backupRepository.path)) {
    notes.push(`the second repository ${settings.backupRepository.path} is not here: add one with ./holdfast backups add-repository`);
    delete settings.backupRepository;
  }
  if (settings.auditSecondPlace !== undefined && !isHere(settings.auditSecondPlace)) {
    notes.push(`the second place of audit checkpoints, ${settings.auditSecondPlace}, is not here: name one with ./holdfast audit second-place`);
    delete settings.auditSecondPlace;
  }
  if (settings.logSnapshots !== undefined && !isHere(settings.logSnapshots)) {
    notes.push(`the directory of log snapshots, ${settings.logSnapshots}, is not here: name one with ./holdfast up --log-snapshots DIRECTORY`);
    delete settings.logSnapshots;
  }
  await instance.save();
  return notes;
}
