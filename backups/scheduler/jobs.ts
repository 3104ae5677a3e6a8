import { isDamaged, type Job } from '../due.ts';
import type { RepositoryInfo } from '../repository-info.ts';
import { must, readRepositories } from './pgbackrest.ts';
import type { SchedulerSettings } from './settings.ts';
import { keep, keptVerifications, verify, type KeptVerification } from './verification.ts';

const PGBACKREST_TYPE = { full: 'full', differential: 'diff', incremental: 'incr' } as const;

/** Does one job, to its end. What comes of it, the repository (or the file of verifications) tells. */
export async function perform(job: Job, settings: SchedulerSettings, info: RepositoryInfo): Promise<KeptVerification | undefined> {
  if (job.do === 'verify') return keep(await verify(job.cluster, job.repository));
  // It makes the cluster's place in every repository that lacks it, and leaves the others as they are.
  if (!info.known.has(`${job.repository} ${job.cluster}`)) await must('stanza-create', [`--stanza=${job.cluster}`, 'stanza-create']);
  const { keep: kept } = settings.schedule;
  const damagedFulls = await countDamagedFulls(job, info);
  // What is beyond what is kept goes by itself after a backup that succeeded, and never before one.
  await must('backup', [
    `--stanza=${job.cluster}`, `--repo=${job.repository}`, `--type=${PGBACKREST_TYPE[job.type]}`,
    `--repo${job.repository}-retention-full=${kept.full + damagedFulls}`, `--repo${job.repository}-retention-diff=${kept.differential}`, 'backup',
  ]);
  return undefined;
}

/** What cannot be restored is not among those that are kept: else it would push out a good one. */
async function countDamagedFulls(job: Job, info: RepositoryInfo): Promise<number> {
  const verifications = await keptVerifications();
  return info.backups.filter((one) => one.cluster === job.cluster && one.repository === job.repository && one.type === 'full' && isDamaged(one, verifications)).length;
}

/** The backup that a job has left: the newest of that place. */
export async function takenBy(job: Job): Promise<RepositoryInfo['backups'][number] | undefined> {
  const { backups } = await readRepositories();
  return backups.filter(({ cluster, repository }) => cluster === job.cluster && repository === job.repository).toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime())[0];
}

export function nameOf(job: Job): string {
  return job.do === 'verify' ? `verification of ${job.cluster} in repository ${job.repository}` : `${job.type} backup of ${job.cluster} to repository ${job.repository}`;
}
