import type { Instance } from '../instance.ts';

/** What the leader of a cluster says of its WAL. */
export interface Waiting {
  /** Finished segments that no repository has confirmed. */
  segments: number;
  /** Since the last one that it has confirmed; nothing if there never was one. */
  sinceArchived_seconds: number | null;
  /** After how long Postgres hands on a segment that is not full, if anything was written. */
  archiveTimeout_seconds: number;
}

/**
 * How much of what was written last would be lost with this machine now, in seconds, at most. While no finished segment waits, only what was written
 * to the current one is missing, and that is handed on after `archive_timeout`; on a cluster that is idle even that is nothing.
 * Without a leader to ask, all since the newest WAL in the repository.
 */
export function rpo_seconds(sinceNewest_seconds: number | undefined, waiting: Waiting | undefined): number | undefined {
  if (sinceNewest_seconds === undefined) return undefined;
  if (waiting === undefined) return sinceNewest_seconds;
  if (waiting.segments > 0) return Math.max(sinceNewest_seconds, waiting.sinceArchived_seconds ?? 0);
  return Math.min(sinceNewest_seconds, waiting.archiveTimeout_seconds);
}

const QUESTION = `SELECT json_build_object(
  'segments', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name ~ '^[0-9A-F]{24}[.]ready$'),
  'sinceArchived_seconds', (SELECT extract(epoch FROM now() - last_archived_time) FROM pg_stat_archiver),
  'archiveTimeout_seconds', (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout'))
WHERE NOT pg_is_in_recovery()`;

/** Asked of the nodes one after the other, as any may be away, and only the leader answers. */
export async function askLeader(instance: Instance, cluster: string): Promise<Waiting | undefined> {
  for (const node of instance.clusters[cluster]?.nodes ?? []) {
    const { exitCode, stdout } = await instance.tryCompose(['exec', '-T', node, 'psql', '-X', '-q', '-A', '-t', '-d', 'postgres', '-c', QUESTION]);
    if (exitCode === 0 && stdout.trim() !== '') return JSON.parse(stdout) as Waiting;
  }
  return undefined;
}
