import { isDamaged, lastOf } from '../due.ts';
import { isWhole, newestWhole, type LogSnapshot } from '../log-snapshots.ts';
import { allowedAge_seconds, BACKUP_TYPES } from '../schedule.ts';
import type { Observation } from './observe.ts';

/** What the process itself remembers. */
export interface Remembered {
  /** Jobs that failed since it started, as `backup core`. */
  failures: ReadonlyMap<string, number>;
  /** Bytes in each repository that is mounted. */
  used: ReadonlyMap<number, number>;
  /** Undefined until Elasticsearch has answered once. */
  logSnapshots: readonly LogSnapshot[] | undefined;
}

type Sample = [labels: Record<string, string | number>, value: number];

/** All of it in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). Times are seconds since 1970; 0 means never. */
export function metricsText({ settings, info, wal, repositories, verifications }: Observation, { failures, used, logSnapshots }: Remembered): string {
  const { schedule } = settings;
  const places = repositories.flatMap(({ key }) => settings.clusters.map((cluster) => ({ cluster, repository: key })));
  const each = (value: (place: { cluster: string; repository: number }) => number | undefined): Sample[] =>
    places.flatMap((place): Sample[] => { const found = value(place); return found === undefined ? [] : [[place, found]]; });
  const verified = (place: { cluster: string; repository: number }): Observation['verifications'][number] | undefined =>
    verifications.find(({ cluster, repository }) => cluster === place.cluster && repository === place.repository);
  const backupsOf = (place: { cluster: string; repository: number }): typeof info.backups => info.backups.filter(({ cluster, repository }) => cluster === place.cluster && repository === place.repository);
  const byType = (value: (backups: typeof info.backups, type: (typeof BACKUP_TYPES)[number]) => number | undefined): Sample[] =>
    BACKUP_TYPES.flatMap((type) => each((place) => value(backupsOf(place), type)).map(([labels, number]): Sample => [{ ...labels, type }, number]));
  const ofType = (backups: typeof info.backups, type: string): (typeof info.backups)[number] | undefined => lastOf('incremental', backups.filter((one) => one.type === type));

  return [
    metric('backup_last_success_timestamp_seconds', 'Beginning of the last good backup of this type, or of one that says more', byType((backups, type) =>
      seconds(lastOf(type, backups.filter((one) => !isDamaged(one, verifications)))?.startedAt))),
    metric('backup_allowed_age_seconds', 'How old the last backup of this type may be, by the schedule', BACKUP_TYPES.map((type) => [{ type }, allowedAge_seconds(schedule[type])])),
    metric('backup_size_bytes', 'What the last backup of exactly this type takes in the repository', byType((backups, type) => ofType(backups, type)?.stored_bytes)),
    metric('backup_duration_seconds', 'How long the last backup of exactly this type took', byType((backups, type) => {
      const last = ofType(backups, type);
      return last && (last.endedAt.getTime() - last.startedAt.getTime()) / 1000;
    })),
    metric('backup_running', 'Whether a backup of the cluster is being taken', settings.clusters.map((cluster) => [{ cluster }, cluster in info.running ? 1 : 0])),
    metric('backup_page_errors', 'Whether the last backup met pages of the database whose checksum does not fit', each((place) => { const last = lastOf('incremental', backupsOf(place)); return last && Number(last.pageErrors); })),
    metric('backup_failures_total', 'Jobs that failed since the scheduler started', [...failures].map(([name, count]) => { const [job = '', cluster = ''] = name.split(' '); return [{ job_kind: job, cluster }, count]; }), 'counter'),
    metric('backup_verify_last_success_timestamp_seconds', 'When every file of the repository was last found to be as it was written', each((place) => seconds(dateOf(verified(place)?.goodAt)))),
    metric('backup_verify_allowed_age_seconds', 'How old that may be, by the schedule', repositories.map(({ key }) => [{ repository: key }, allowedAge_seconds(key === 1 ? schedule.verify : schedule.verify_second_repository)])),
    metric('backup_verify_errors', 'Files that the last verification found missing or damaged', each((place) => verified(place)?.errors)),
    metric('backup_shares_disk', 'Whether every repository is on a disk that holds the databases, too', [[{}, Number(repositories.every(({ sharesDisk }) => sharesDisk))]]),
    metric('backup_repository_bytes', 'What the repository takes, WAL included; of an object store, its backups', repositories.map(({ key }) => [
      { repository: key }, used.get(key) ?? info.backups.filter(({ repository }) => repository === key).reduce((sum, { stored_bytes }) => sum + stored_bytes, 0),
    ])),
    metric('backup_repository_free_bytes', 'Room left where the repository is', repositories.flatMap(({ key, free_bytes }): Sample[] => (free_bytes === null ? [] : [[{ repository: key }, free_bytes]]))),
    metric('backup_repository_capacity_bytes', 'Room there in all', repositories.flatMap(({ key, capacity_bytes }): Sample[] => (capacity_bytes === null ? [] : [[{ repository: key }, capacity_bytes]]))),
    metric('backup_wal_archived_timestamp_seconds', 'When the newest WAL came to the repository', each(({ cluster, repository }) => seconds(wal.find((one) => one.cluster === cluster && one.repository === repository)?.arrivedAt))),
    metric('backup_wal_archived_bytes', 'Where that WAL ends, as patroni_xlog_location counts', wal.map(({ cluster, repository, end_bytes }) => [{ cluster, repository }, end_bytes])),
    metric('log_snapshot_last_success_timestamp_seconds', 'Beginning of the newest whole snapshot of the log lines', logSnapshots ? [[{}, seconds(newestWhole(logSnapshots)?.startedAt)]] : []),
    metric('log_snapshot_allowed_age_seconds', 'How old that may be, by the schedule', [[{}, allowedAge_seconds(schedule.log_snapshot)]]),
    metric('log_snapshot_count', 'Whole snapshots of log lines that are kept', logSnapshots ? [[{}, logSnapshots.filter(isWhole).length]] : []),
  ].join('');
}

function metric(name: string, help: string, samples: readonly Sample[], type = 'gauge'): string {
  const lines = samples.map(([labels, value]) => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${text}"`).join(',');
    return `${name}${list && `{${list}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function seconds(date: Date | undefined): number {
  return date ? date.getTime() / 1000 : 0;
}

function dateOf(text: string | null | undefined): Date | undefined {
  return text ? new Date(text) : undefined;
}
