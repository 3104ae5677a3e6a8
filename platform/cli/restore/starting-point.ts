import { UserError } from '../errors.ts';
import type { Backup, Stanza } from './repository.ts';
import { describeTarget, millisecondsOf, placeOfLsn, type Target } from './target.ts';

/** A restore that was made: since `at_ms` the cluster is as it was at `point_ms`, on a timeline of its own. */
export interface PastRestore {
  readonly cluster: string;
  readonly at_ms: number;
  readonly point_ms: number;
  /** The timeline that it ended. */
  readonly ended_timeline: number;
}

/** A named point, as `restore-point` has written it down. `lsn`: by cluster. */
export interface RestorePoint {
  readonly name: string;
  /** RFC 3339. */
  readonly at: string;
  readonly lsn: Readonly<Record<string, string>>;
  readonly by: string;
}

/** From which backup and along which timeline a target is reached. */
export interface StartingPoint {
  readonly backup: Backup;
  readonly timeline: 'latest' | number;
  /** The instant of the target, where it has one: what happened later is lost. */
  readonly point_ms: number | undefined;
}

const SEGMENT_BYTES = 16n * 1024n * 1024n;
/** A backup is good from the second after the one in which it ended, as its time is told in whole seconds. */
const ROUNDING_MS = 1_000;

/**
 * Decides it, or throws a refusal that says what is possible. People mean by a time what they saw then: so for a time before an earlier restore it is the
 * timeline that this restore has left, and for one after it no backup of that timeline will do.
 */
export function startingPointOf(stanza: Stanza, target: Target, known: { points: readonly RestorePoint[]; restores: readonly PastRestore[]; now_ms: number }): StartingPoint {
  const cluster = stanza.name;
  const restores = known.restores.filter((restore) => restore.cluster === cluster).toSorted((a, b) => a.at_ms - b.at_ms);
  const backups = stanza.backup.filter(({ error }) => !error);
  const [first] = backups;
  if (!first) throw new UserError(`there is no good backup of ${cluster}: nothing can be restored.`, ['Take one:  ./holdfast backup', 'Nothing was changed.']);

  if (target.kind === 'lsn') return { backup: backupBeforeLsn(stanza, target.lsn, notAbandoned(backups, restores, Infinity)), timeline: 'latest', point_ms: undefined };
  if (target.kind === 'latest') return { backup: mustHave(notAbandoned(backups, restores, Infinity).at(-1), cluster), timeline: 'latest', point_ms: undefined };

  const point_ms = target.kind === 'time' ? millisecondsOf(target.at) : Date.parse(pointNamed(target.name, cluster, known.points).at);
  if (point_ms > known.now_ms) {
    throw new UserError(`${describeTarget(target)} is in the future: it is ${new Date(known.now_ms).toISOString()} now.`, ['The end of what there is:  --to latest', 'Nothing was changed.']);
  }
  const earliest_ms = first.timestamp.stop * 1_000 + ROUNDING_MS;
  if (point_ms < earliest_ms) {
    throw new UserError(`${describeTarget(target)} is before the end of the first backup of ${cluster} that is kept.`, [`The earliest possible:  --to ${new Date(earliest_ms).toISOString()}`, 'Nothing was changed.']);
  }
  const later = restores.find(({ at_ms }) => at_ms > point_ms);
  const inTime = notAbandoned(backups, restores, point_ms).filter(({ timestamp }) => timestamp.stop * 1_000 + ROUNDING_MS <= point_ms);
  return { backup: mustHave(inTime.at(-1), cluster), timeline: later?.ended_timeline ?? 'latest', point_ms };
}

export function pointNamed(name: string, cluster: string, points: readonly RestorePoint[]): RestorePoint {
  const point = points.findLast((one) => one.name === name && cluster in one.lsn);
  if (point) return point;
  const names = points.filter(({ lsn }) => cluster in lsn).map((one) => `${one.name} (${one.at})`);
  throw new UserError(`there is no restore point "${name}" of ${cluster}.`, [
    names.length > 0 ? `There are:  ${names.slice(-10).join(', ')}` : 'There are none. Make one before what may go wrong:  ./holdfast restore-point NAME', 'Nothing was changed.',
  ]);
}

/** Without those of a stretch of time that a restore made before `seenFrom_ms` has undone. */
function notAbandoned(backups: readonly Backup[], restores: readonly PastRestore[], seenFrom_ms: number): Backup[] {
  const made = restores.filter(({ at_ms }) => at_ms <= seenFrom_ms);
  return backups.filter(({ timestamp }) => !made.some(({ point_ms, at_ms }) => timestamp.stop * 1_000 > point_ms && timestamp.start * 1_000 < at_ms));
}

function backupBeforeLsn({ name, archive }: Stanza, lsn: string, backups: readonly Backup[]): Backup {
  const wanted = placeOfLsn(lsn);
  const [first] = backups;
  if (first && placeOfLsn(first.lsn.stop) > wanted) {
    throw new UserError(`${lsn} is before the end of the first backup of ${name} that is kept.`, [`The earliest possible:  --to ${first.lsn.stop}`, 'Nothing was changed.']);
  }
  const end = archive.map(({ max }) => endOfSegment(max)).reduce((a, b) => (a > b ? a : b), 0n);
  if (wanted >= end) {
    throw new UserError(`${lsn} is beyond the WAL of ${name} that was archived, which ends at ${(end >> 32n).toString(16).toUpperCase()}/${(end & 0xffffffffn).toString(16).toUpperCase()}.`, ['The end of what there is:  --to latest', 'Nothing was changed.']);
  }
  return mustHave(backups.findLast((backup) => placeOfLsn(backup.lsn.stop) <= wanted), name);
}

/** The newest timeline that there is WAL of. */
export function newestTimeline({ archive }: Pick<Stanza, 'archive'>): number {
  return archive.reduce((newest, { max }) => Math.max(newest, max === null ? 1 : Number.parseInt(max.slice(0, 8), 16)), 1);
}

/**
 * Throws if a recovery to the end of the archive has ended before it. Postgres takes WAL that it cannot get for WAL that never was: where the repository goes away in
 * the middle, or lacks a piece of it, a database opens that is whole, and old.
 */
export function refuseShort({ name, archive }: Pick<Stanza, 'name' | 'archive'>, recovered: { readonly from_timeline: number; readonly lsn: string }): void {
  const last = archive.flatMap(({ max }) => max ?? []).toSorted().at(-1);
  if (last === undefined) return;
  const newest = newestTimeline({ archive });
  // A timeline that has only just begun has no segment there yet.
  if (recovered.from_timeline > newest || (recovered.from_timeline === newest && placeOfLsn(recovered.lsn) >= endOfSegment(last) - SEGMENT_BYTES)) return;
  throw new UserError(`the recovery of ${name} ended at ${recovered.lsn} on timeline ${recovered.from_timeline}, and the archive goes on to ${last}: the repository could not be read to its end, or lacks WAL.`, [
    'Is it there, and whole?  ./holdfast backups', 'The old data was not touched.', 'Try again:   ./holdfast restore --resume', 'Or give up, and name a moment before the gap:  ./holdfast restore --undo',
  ]);
}

/** The place after a segment, whose name is timeline, upper half of the place, and number of 16 MB. */
function endOfSegment(name: string | null): bigint {
  return name === null ? 0n : (BigInt(`0x${name.slice(8, 16)}`) << 32n) + (BigInt(`0x${name.slice(16, 24)}`) + 1n) * SEGMENT_BYTES;
}

function mustHave(backup: Backup | undefined, cluster: string): Backup {
  if (!backup) throw new UserError(`no backup of ${cluster} leads there: those that were taken before it belong to a past that a restore has undone.`, ['Look:  ./holdfast restore --list', 'Nothing was changed.']);
  return backup;
}
