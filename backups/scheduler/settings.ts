import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Schedule } from '../schedule.ts';

/** Where the container has its certificate, its settings and pgBackRest's. */
export const SECRETS = '/run/holdfast';

/** What `holdfast` writes for the scheduler (platform/cli/backups/configure.ts): read anew at every look, so that a change needs no restart. */
export interface SchedulerSettings {
  schedule: Schedule;
  clusters: string[];
  repositories: RepositorySettings[];
}

export interface RepositorySettings {
  /** pgBackRest's number: 1 is the volume on this machine, 2 the one that was added. */
  key: number;
  kind: 'volume' | 'path' | 's3';
  /** In words for people. */
  where: string;
}

/** Where a repository's files are in this container; nothing of one that is not mounted. */
export function mountOf({ kind }: RepositorySettings): string | undefined {
  return { volume: '/var/lib/pgbackrest/backup', path: '/var/lib/pgbackrest-second/backup', s3: undefined }[kind];
}

/** A volume of Docker's as those of Postgres are: what it is on is what they are on. */
export const OWN_VOLUME = '/var/lib/backup-scheduler';

export async function readSettings(): Promise<SchedulerSettings> {
  return JSON.parse(await readFile(join(SECRETS, 'backups.json'), 'utf8')) as SchedulerSettings;
}
