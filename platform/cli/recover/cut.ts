import { UserError } from '../errors.ts';

/** Until when the repository has the transactions of a cluster. Times as Postgres writes them, in UTC and to the microsecond, so that they compare as text. */
export interface Reach {
  readonly cluster: string;
  /** When the last transaction committed that can be restored; none where the WAL behind the backups has none. */
  readonly lastCommit: string | undefined;
}

/** A cluster that was silent for longer than WAL takes to the repository has lost nothing by being behind the others. */
export const SILENT_MS = 120_000;

/** Where each cluster has to stop: a time, or nothing where it goes to the end of what there is. */
export type Cut = Record<string, string | undefined>;

/**
 * One moment for all clusters, so that no transfer between shards is there on one side only and no report knows of what the ledger has lost. The clocks are one
 * machine's: what was caused by a transaction committed after it, so a cut by time has with each effect its cause.
 *
 * The moment is the earliest of the clusters' ends. Those that were silent when the others ended are no measure: an hour without a transfer is not lost because
 * nobody signed in. Had their WAL been held up instead, the verification of the ledger after the restore finds it.
 */
export function latestCut(reaches: readonly Reach[]): { cut: Cut; at: string | undefined } {
  const ends = reaches.flatMap(({ lastCommit }) => lastCommit ?? []).toSorted();
  const newest = ends.at(-1);
  if (newest === undefined) return { cut: {}, at: undefined };
  const at = ends.find((end) => millisecondsOf(newest) - millisecondsOf(end) <= SILENT_MS) ?? newest;
  return { cut: cutAt(reaches, at), at };
}

/** The same for a moment that somebody has named. */
export function cutAt(reaches: readonly Reach[], at: string): Cut {
  // A server that is to stop at a time must see a later transaction, or it does not believe that it has arrived.
  return Object.fromEntries(reaches.map(({ cluster, lastCommit }) => [cluster, lastCommit !== undefined && lastCommit > at ? at : undefined]));
}

/** Throws where a moment lies outside of what the repository has. */
export function refuseOutside(reaches: readonly (Reach & { firstBackupEnd_ms: number })[], at: string): void {
  const wanted = millisecondsOf(at);
  const earliest = Math.max(...reaches.map(({ firstBackupEnd_ms }) => firstBackupEnd_ms));
  const newest = reaches.flatMap(({ lastCommit }) => lastCommit ?? []).toSorted().at(-1);
  if (wanted < earliest) throw new UserError(`${at} is before the end of the first backup that is kept.`, [`The earliest possible:  --to ${new Date(earliest).toISOString()}`]);
  if (newest !== undefined && at > newest) throw new UserError(`${at} is after the last transaction that the repository has (${newest}).`, ['All that there is:  --to latest']);
}

export function millisecondsOf(time: string): number {
  return Date.parse(time.replace(' ', 'T').replace(/\+00$/, 'Z'));
}
