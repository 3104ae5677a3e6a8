import { isDue, type Slot } from './schedule.ts';

/** A snapshot of log lines, as Elasticsearch's repository tells of it. */
export interface LogSnapshot {
  name: string;
  /** SUCCESS, IN_PROGRESS, PARTIAL, FAILED: the vendor's words. */
  state: string;
  /** An index a day. */
  indices: readonly string[];
  startedAt: Date;
}

/** As `GET _snapshot/holdfast/_all` answers. */
export interface ListedSnapshots {
  snapshots: { snapshot: string; state: string; indices: string[]; start_time_in_millis: number }[];
}

/** So many are kept, whatever is in them. */
const KEPT = 24;
const DAY_MS = 86_400_000;
const OURS = /^logs-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d$/;
const INDEX = /^holdfast-logs-\d{4}\.\d\d\.\d\d$/;

/** Elasticsearch takes neither capitals nor colons in a name. */
export function snapshotName(now: Date): string {
  const [day = '', time = ''] = now.toISOString().slice(0, 19).split('T');
  return `logs-${day.replaceAll('-', '.')}-${time.replaceAll(':', '.')}`;
}

/** Those that the platform has taken, the newest first. What somebody else has put beside them is his. */
export function readSnapshots({ snapshots }: ListedSnapshots): LogSnapshot[] {
  return snapshots.filter(({ snapshot }) => OURS.test(snapshot))
    .map(({ snapshot, state, indices, start_time_in_millis }) => ({ name: snapshot, state, indices: indices.filter((index) => INDEX.test(index)), startedAt: new Date(start_time_in_millis) }))
    .toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
}

/** The newest that is whole: only such a one counts. */
export function newestWhole(snapshots: readonly LogSnapshot[]): LogSnapshot | undefined {
  return snapshots.find(isWhole);
}

export function isWhole({ state }: LogSnapshot): boolean {
  return state === 'SUCCESS';
}

/** Of an Elasticsearch without a log line there is nothing to take: an empty snapshot would pass for a good one. */
export function isSnapshotDue(slot: Slot, snapshots: readonly LogSnapshot[], indices: readonly string[], now: Date): boolean {
  return indices.length > 0 && !snapshots.some(isBeingTaken) && isDue(slot, newestWhole(snapshots)?.startedAt, now);
}

/**
 * What may go: whatever is beyond the newest `KEPT` whole ones, or is none, as soon as each of its days is in the newest whole one too, or is older than lines are kept.
 * So an Elasticsearch that was lost and begins empty takes snapshot after snapshot, and pushes out none that could bring it back.
 */
export function snapshotsToDelete(snapshots: readonly LogSnapshot[], keptDays: number, now: Date): LogSnapshot[] {
  const newest = newestWhole(snapshots);
  if (!newest) return [];
  const kept = new Set(snapshots.filter(isWhole).slice(0, KEPT));
  const oldest = oldestKept(keptDays, now);
  return snapshots.filter((one) => !kept.has(one) && !isBeingTaken(one) && one.startedAt < newest.startedAt && one.indices.every((index) => newest.indices.includes(index) || index < oldest));
}

/** What of one index is to be brought back, and from where. */
export interface Lost {
  readonly index: string;
  readonly snapshot: string;
  /** Elasticsearch has an index of that day which is younger than the snapshot: it lacks the lines of the one that was lost, and has others. */
  readonly isThereAnew: boolean;
}

/**
 * The indices that were lost, each from the newest whole snapshot that has it, the newest day first. An index that is older than a snapshot is the very one that was taken, and lacks nothing: one
 * that comes back is as old as it was. None whose lines would be deleted within the hour.
 */
export function lostIndices(snapshots: readonly LogSnapshot[], madeAt: ReadonlyMap<string, Date>, keptDays: number, now: Date): Lost[] {
  const oldest = oldestKept(keptDays, now);
  const found = new Map<string, Lost>();
  for (const { name, indices, startedAt } of snapshots.filter(isWhole)) {
    for (const index of indices) {
      const made = madeAt.get(index);
      if ((made === undefined || made > startedAt) && index >= oldest && !found.has(index)) found.set(index, { index, snapshot: name, isThereAnew: made !== undefined });
    }
  }
  return [...found.values()].toSorted((a, b) => b.index.localeCompare(a.index));
}

function isBeingTaken({ state }: LogSnapshot): boolean {
  return state === 'IN_PROGRESS';
}

/** As `platform/elasticsearch/server/retention.sh` has it: what is named before this goes. Nothing does where the days are no number. */
function oldestKept(keptDays: number, now: Date): string {
  if (!Number.isInteger(keptDays)) return '';
  return `holdfast-logs-${new Date(now.getTime() - keptDays * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '.')}`;
}
