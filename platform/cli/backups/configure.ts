import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ProofSettings } from '../../../backups/proof/settings.ts';
import { readSchedule, type Schedule } from '../../../backups/schedule.ts';
import type { SchedulerSettings } from '../../../backups/scheduler/settings.ts';
import { componentsOf } from '../../components.ts';
import { clustersConfiguration, INCLUDED, nodeConfiguration, repositoriesConfiguration, S3_AUTHORITY_FILE, type BackupRepository } from '../../pgbackrest/configuration.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { ownedDirectory, ownedFile, readSecret } from '../state/secrets.ts';
import { PROJECT } from '../versions.ts';

/** What the operator gave for an object store, in the vault beside what was generated. */
export const S3_KEY = 'backup-repository-s3-key';
export const S3_KEY_SECRET = 'backup-repository-s3-key-secret';
export const S3_AUTHORITY = 'backup-repository-ca.crt';

const SCHEDULE = 'backups/schedule.yaml';

/**
 * Writes what the repository host, the scheduler and the nodes must know, into their secrets directories: all of it follows from the clusters, the settings,
 * the vault and `backups/schedule.yaml`. pgBackRest reads it each time it runs, the scheduler at each look, so that no Postgres has to be restarted.
 * `nodesToo: false` is the first half of adding a second repository: pgBackRest knows it, so that it can be given a place for each cluster; the nodes do not push
 * to it yet, and so the scheduler takes no backups to it.
 */
export async function configureBackups(instance: Instance, { nodesToo = true } = {}): Promise<void> {
  const second = instance.settings.backupRepository;
  const settings: SchedulerSettings = { schedule: await schedule(), clusters: Object.keys(instance.clusters), repositories: repositoriesOf(nodesToo ? second : undefined) };
  const vault = join(instance.directory, 'vault');
  const given = async (name: string): Promise<string | undefined> => (existsSync(join(vault, name)) ? (await readFile(join(vault, name), 'utf8')).trim() : undefined);
  const keys = {
    firstPassphrase: await readSecret(instance.directory, 'pgbackrest-cipher-passphrase'),
    secondPassphrase: await readSecret(instance.directory, 'pgbackrest-second-cipher-passphrase'),
    s3Key: await given(S3_KEY),
    s3KeySecret: await given(S3_KEY_SECRET),
  };
  const authority = await given(S3_AUTHORITY);
  for (const component of ['pgbackrest', 'backup-scheduler'] as const) {
    await write(instance, component, 'clusters.conf', clustersConfiguration(instance.clusters));
    await write(instance, component, 'repositories.conf', repositoriesConfiguration(keys, second));
    if (second?.kind === 's3' && authority !== undefined) await write(instance, component, S3_AUTHORITY_FILE, `${authority}\n`);
    else await rm(join(instance.directory, 'secrets', component, INCLUDED, S3_AUTHORITY_FILE), { force: true });
  }
  await ownedFile(join(instance.directory, 'secrets/backup-scheduler/backups.json'), JSON.stringify(settings), uidOf(instance, 'backup-scheduler'));
  const proof: ProofSettings = { schedule: settings.schedule.restore_proof, clusters: settings.clusters };
  await ownedFile(join(instance.directory, 'secrets/restore-proof/proof.json'), JSON.stringify(proof), uidOf(instance, 'restore-proof'));
  if (!nodesToo) return;
  for (const node of Object.values(instance.clusters).flatMap(({ nodes }) => nodes)) await write(instance, node, 'repositories.conf', nodeConfiguration(second));
}

export function repositoriesOf(second: BackupRepository | undefined): SchedulerSettings['repositories'] {
  const first = { key: 1, kind: 'volume', where: 'volumes pgbackrest-archive and pgbackrest-backup of this machine' } as const;
  return second ? [first, { key: 2, kind: second.kind, where: nameOf(second) }] : [first];
}

/** For people. */
export function nameOf(repository: BackupRepository): string {
  return repository.kind === 'path' ? repository.path : `s3://${repository.bucket}${repository.prefix} at ${repository.endpoint}`;
}

async function schedule(): Promise<Schedule> {
  const path = join(PROJECT, SCHEDULE);
  const next = [`Mend it:        ${path}`, 'Then go on with:  ./holdfast up'];
  const content = await readFile(path, 'utf8').then((text) => parse(text) as unknown).catch((error: Error) => { throw new UserError(`${SCHEDULE} cannot be read: ${error.message}`, next); });
  const read = readSchedule(content);
  if ('faults' in read) throw new UserError(`${SCHEDULE}: ${read.faults.length === 1 ? 'a fault' : `${read.faults.length} faults`}.`, [...read.faults, ...next]);
  return read.schedule;
}

async function write(instance: Instance, component: string, file: string, content: string): Promise<void> {
  const directory = join(instance.directory, 'secrets', component, INCLUDED);
  await ownedDirectory(directory, uidOf(instance, component));
  await ownedFile(join(directory, file), content, uidOf(instance, component));
}

function uidOf(instance: Instance, component: string): number {
  const found = componentsOf(instance.settings.ledgers)[component];
  if (!found) throw new Error(`there is no component ${component}`);
  return found.uid;
}
