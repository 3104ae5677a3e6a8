import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { disksUnder, shareADisk, thisMachine } from '../disks.ts';
import { endOfSegment_bytes, type RepositoryInfo } from '../repository-info.ts';
import { arrivalOfNewest, readRepositories } from './pgbackrest.ts';
import { mountOf, OWN_VOLUME, type RepositorySettings, type SchedulerSettings } from './settings.ts';
import { keptVerifications, type KeptVerification } from './verification.ts';

export interface Wal {
  cluster: string;
  repository: number;
  newest: string;
  /** Where it ends, in bytes since the beginning of the cluster's WAL. */
  end_bytes: number;
  arrivedAt: Date;
}

export interface RepositoryState extends RepositorySettings {
  /** Physical disks that it is on; empty where nobody can tell. */
  disks: string[];
  /** One of them holds the databases, too, or that cannot be ruled out. */
  sharesDisk: boolean;
  free_bytes: number | null;
  capacity_bytes: number | null;
}

/** What is so, at one moment. */
export interface Observation {
  settings: SchedulerSettings;
  info: RepositoryInfo;
  wal: Wal[];
  repositories: RepositoryState[];
  verifications: KeptVerification[];
  at: Date;
}

export async function observe(settings: SchedulerSettings): Promise<Observation> {
  const info = await readRepositories();
  return {
    settings,
    info,
    wal: (await Promise.all(info.archives.map(walOf))).filter((one) => one !== undefined),
    repositories: await Promise.all(settings.repositories.map(stateOf)),
    verifications: await keptVerifications(),
    at: new Date(),
  };
}

/** Of a cluster whose system was made anew the repository keeps the old one's WAL as well: the newest counts. */
async function walOf(archive: RepositoryInfo['archives'][number], _index: number, all: RepositoryInfo['archives']): Promise<Wal | undefined> {
  const { cluster, repository, newest, id } = archive;
  const systems = all.filter((one) => one.cluster === cluster && one.repository === repository).map((one) => Number(one.id.split('-')[1]));
  if (Number(id.split('-')[1]) !== Math.max(...systems)) return undefined;
  // A repository that is away says nothing, which the metrics show.
  const arrivedAt = await arrivalOfNewest(archive).catch(() => undefined);
  return arrivedAt && { cluster, repository, newest, end_bytes: endOfSegment_bytes(newest), arrivedAt };
}

async function stateOf(repository: RepositorySettings): Promise<RepositoryState> {
  const path = mountOf(repository);
  // What is on another machine's object store is on no disk of this one.
  if (path === undefined) return { ...repository, disks: [], sharesDisk: false, free_bytes: null, capacity_bytes: null };
  const machine = thisMachine();
  const room = await statfs(path).catch(() => undefined);
  return {
    ...repository,
    disks: disksUnder(path, machine),
    sharesDisk: shareADisk(path, OWN_VOLUME, machine),
    free_bytes: room ? room.bavail * room.bsize : null,
    capacity_bytes: room ? room.blocks * room.bsize : null,
  };
}

/** What a repository takes, WAL included, by adding up its files; nothing of one that is not mounted here. */
export async function usedBytes(repository: RepositorySettings): Promise<number | undefined> {
  const path = mountOf(repository);
  return path === undefined ? undefined : (await sizeOf(path)) + (await sizeOf(join(path, '../archive')));
}

async function sizeOf(directory: string): Promise<number> {
  let sum = 0;
  // Files come and go meanwhile: what is gone takes nothing.
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    sum += entry.isDirectory() ? await sizeOf(path) : await stat(path).then(({ size }) => size, () => 0);
  }
  return sum;
}
