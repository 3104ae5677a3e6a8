import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '../due.ts';
import { isDamaged } from '../due.ts';
import { isWhole, newestWhole } from '../log-snapshots.ts';
import { allowedAge_seconds, BACKUP_TYPES, isDue, nextSlot, type BackupType } from '../schedule.ts';
import { address, listSnapshots } from './elasticsearch.ts';
import { nameOf, perform, takenBy } from './jobs.ts';
import { keptDays, takeAndTidy } from './log-snapshots.ts';
import { observe } from './observe.ts';
import { LOCKED, must, PgBackRestFailed, readRepositories } from './pgbackrest.ts';
import { readSettings } from './settings.ts';
import type { KeptVerification } from './verification.ts';

/**
 * What `./holdfast backup` and `./holdfast backups` run beside the scheduler, in its container: pgBackRest's own locks keep the two apart.
 * Answers with a JSON object a line; exit status 0 done, 1 failed, 4 somebody else is at it.
 *
 *   show | backup TYPE CLUSTER REPOSITORY | verify CLUSTER REPOSITORY | remove LABEL CLUSTER REPOSITORY | make CLUSTER | snapshot-logs
 */
const PROGRESS_EVERY_MS = 1000;
const EXIT_BUSY = 4;

const [command = '', ...words] = process.argv.slice(2);
const commands: Record<string, () => Promise<void>> = {
  show,
  backup: () => take({ do: 'backup', type: words[0] as BackupType, cluster: words[1] ?? '', repository: Number(words[2]) }),
  verify: () => take({ do: 'verify', cluster: words[0] ?? '', repository: Number(words[1]) }),
  remove: () => remove(words[0] ?? '', words[1] ?? '', Number(words[2])),
  make: async () => { await must('stanza-create', [`--stanza=${words[0]}`, 'stanza-create']); },
  'snapshot-logs': async () => { answer({ snapshot: (await takeAndTidy(address(), keptDays())).taken }); },
};

try {
  const run = commands[command];
  if (!run) throw new Error(`"${command}" is none of ${Object.keys(commands).join(', ')}`);
  await run();
} catch (error) {
  answer({ failure: (error as Error).message });
  process.exitCode = error instanceof PgBackRestFailed && error.exitCode === LOCKED ? EXIT_BUSY : 1;
}

function answer(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function show(): Promise<void> {
  const settings = await readSettings();
  const { info, wal, repositories, verifications, at } = await observe(settings);
  const stateOf = (backup: (typeof info.backups)[number], verification: KeptVerification | undefined): string => {
    if (isDamaged(backup, verifications)) return 'damaged';
    if (backup.pageErrors) return 'page errors';
    return verification && new Date(verification.at) > backup.endedAt ? 'verified' : 'not verified yet';
  };
  answer({
    at,
    clusters: settings.clusters,
    repositories,
    backups: info.backups.map((backup) => ({
      ...backup,
      state: stateOf(backup, verifications.find(({ cluster, repository }) => cluster === backup.cluster && repository === backup.repository)),
    })),
    archives: info.archives,
    wal,
    running: info.running,
    verifications: verifications.filter(({ cluster, repository }) => settings.clusters.includes(cluster) && repositories.some(({ key }) => key === repository))
      .map((one) => ({ ...one, late: isDue(settings.schedule[one.repository === 1 ? 'verify' : 'verify_second_repository'], new Date(one.at), at) })),
    next: Object.fromEntries([...BACKUP_TYPES, 'verify' as const, 'log_snapshot' as const].map((task) => [task, nextSlot(settings.schedule[task], at)])),
    log_snapshots: await showLogSnapshots(allowedAge_seconds(settings.schedule.log_snapshot)),
    allowed_age_seconds: Object.fromEntries(BACKUP_TYPES.map((type) => [type, allowedAge_seconds(settings.schedule[type])])),
  });
}

/** Elasticsearch may be away, which is no reason to say nothing of backups. */
async function showLogSnapshots(allowed_age_seconds: number): Promise<object> {
  try {
    const snapshots = await listSnapshots(address());
    return { allowed_age_seconds, newest: newestWhole(snapshots) ?? null, count: snapshots.filter(isWhole).length };
  } catch (error) {
    return { allowed_age_seconds, unknown: (error as Error).message };
  }
}

async function take(job: Job): Promise<void> {
  const settings = await readSettings();
  if (!settings.clusters.includes(job.cluster) || !settings.repositories.some(({ key }) => key === job.repository)) throw new Error(`there is no ${nameOf(job)}`);
  const info = await readRepositories();
  const running = info.running[job.cluster];
  if (running && job.do === 'backup') {
    answer({ busy: running });
    process.exitCode = EXIT_BUSY;
    return;
  }
  let done = false;
  const watching = job.do === 'backup' ? watch(job.cluster, () => done) : Promise.resolve();
  try {
    const verification = await perform(job, settings, info);
    answer(verification ? { verified: verification } : { taken: await takenBy(job) });
  } finally {
    done = true;
    await watching;
  }
}

async function watch(cluster: string, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    const progress = (await readRepositories().catch(() => undefined))?.running[cluster];
    if (progress && !isDone()) answer({ progress });
    await pause(PROGRESS_EVERY_MS);
  }
}

/** With all that stand on it. pgBackRest refuses to take away the last full. */
async function remove(label: string, cluster: string, repository: number): Promise<void> {
  await must('expire', [`--stanza=${cluster}`, `--repo=${repository}`, `--set=${label}`, 'expire']);
  const { backups } = await readRepositories();
  answer({ left: backups.filter((one) => one.cluster === cluster && one.repository === repository).map((one) => one.label) });
}
