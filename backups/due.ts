import type { RepositoryInfo, Taken } from './repository-info.ts';
import { BACKUP_TYPES, isDue, type BackupType, type Schedule } from './schedule.ts';

/** What a look at every file of a repository found. Kept in a file, as no repository remembers it. */
export interface Verification {
  cluster: string;
  repository: number;
  at: string;
  /** Files that are missing or not as they were written. */
  errors: number;
  /** Labels of backups that cannot be restored. */
  damaged: readonly string[];
  /** What was said of the first of these files. */
  findings: readonly string[];
}

export type Job = { do: 'backup'; cluster: string; repository: number; type: BackupType } | { do: 'verify'; cluster: string; repository: number };

/** A backup that verification found damaged, or that stands on such a one, is as good as none. */
export function isDamaged(backup: Taken, verifications: readonly Verification[]): boolean {
  const damaged = verifications.find(({ cluster, repository }) => cluster === backup.cluster && repository === backup.repository)?.damaged ?? [];
  return [backup.label, ...backup.standsOn].some((label) => damaged.includes(label));
}

/** The last good backup that does the duty of this type: of this type, or of one that says more. */
export function lastOf(type: BackupType, backups: readonly Taken[]): Taken | undefined {
  const enough = BACKUP_TYPES.slice(0, BACKUP_TYPES.indexOf(type) + 1);
  return backups.filter((backup) => enough.includes(backup.type)).toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime())[0];
}

/**
 * What is to be done now, the most urgent first. It follows from what the repositories hold and from the clock, and from nothing that
 * a restart would forget: what was missed is found to be missing, and made up for once, however often its time has come.
 */
export function dueJobs(schedule: Schedule, now: Date, clusters: readonly string[], repositories: readonly number[], info: RepositoryInfo, verifications: readonly Verification[]): Job[] {
  const places = repositories.flatMap((repository) => clusters.map((cluster) => ({ cluster, repository })));
  const backups = places.map(({ cluster, repository }): Job | undefined => {
    const good = info.backups.filter((backup) => backup.cluster === cluster && backup.repository === repository && !isDamaged(backup, verifications));
    const type = BACKUP_TYPES.find((one) => isDue(schedule[one], lastOf(one, good)?.startedAt, now));
    return type && { do: 'backup', cluster, repository, type };
  });
  const verify = places.map(({ cluster, repository }): Job | undefined => {
    if (!info.backups.some((backup) => backup.cluster === cluster && backup.repository === repository)) return undefined;
    const last = verifications.find((one) => one.cluster === cluster && one.repository === repository);
    const slot = repository === 1 ? schedule.verify : schedule.verify_second_repository;
    return isDue(slot, last && new Date(last.at), now) ? { do: 'verify', cluster, repository } : undefined;
  });
  const urgency = (job: Job): number => (job.do === 'backup' ? BACKUP_TYPES.indexOf(job.type) : BACKUP_TYPES.length);
  return [...backups, ...verify].filter((job) => job !== undefined).toSorted((a, b) => urgency(a) - urgency(b));
}
