import type { ClusterKeys, Key } from './keys.ts';
import { needsReplica } from './risk.ts';

/** A process that was seen alive: an id is used again, but never with the same start. */
export interface Sighting {
  readonly pid: number;
  /** Clock ticks since boot (proc(5), stat, field 22). */
  readonly start: string;
}

/** A leader whose death could be proven: its main process was seen alive after its leadership was read. */
export interface Watched {
  readonly keys: ClusterKeys;
  readonly sighting: Sighting | undefined;
}

/**
 * What to watch after a new reading. As long as the leadership is the same one (the revision of its key), the first sighting counts: should the
 * node be back by now in a new process that has not led yet, it is still the old one that led. `seek` looks for the main process of a container
 * now, that is, after the reading: whoever wrote the key is that process or one before it.
 */
export function nextWatch(before: Watched | undefined, keys: ClusterKeys, seek: (container: string) => Sighting | undefined): Watched {
  const same = keys.leader !== undefined && before?.keys.leader?.key.revision === keys.leader.key.revision;
  if (same && before.sighting) return { keys, sighting: before.sighting };
  return { keys, sighting: keys.leader && keys.leaderContainer !== undefined ? seek(keys.leaderContainer) : undefined };
}

/**
 * Whether a dead leader's lead is worth freeing: only if a node may take it that has every acknowledged commit, and nobody has told Patroni to hold
 * still. Else the lead is left to the node itself, for when Docker brings it back.
 */
export function mayBeFreed({ keys }: Watched): boolean {
  return keys.leader !== undefined && keys.inStep.length > 0 && keys.config !== undefined && keys.config.value.pause !== true;
}

/** Docker has a container running again within a second; one that is not there by now does not come back by itself. */
const COMES_BACK_MS = 10_000;

/**
 * How long a dead leader may take to come back before its lead is freed. Where a commit needs a second node the other one could acknowledge nothing by itself: writes
 * go on soonest if the old leader leads again, as a new leader's replica has to be rewound first.
 */
export function patienceMs({ keys }: Watched): number {
  return needsReplica(keys) ? COMES_BACK_MS : 0;
}

/** What must still be as it was read, to the revision, at the moment in which the lead is freed. */
export function stillTrue({ keys }: Watched): Key[] {
  return [keys.leader?.key, keys.syncKey, keys.config?.key].filter((key) => key !== undefined);
}
