import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import type { PastRestore } from './starting-point.ts';

/** What the recovery of a cluster came to: written down before anything of it is served. */
export interface Recovered {
  /** The timeline that it was opened on, and the one that this has left. */
  readonly timeline: number;
  readonly from_timeline: number;
  /** Where it left that. */
  readonly lsn: string;
  /** When the last transaction that is left was committed, RFC 3339; null if there was none to replay. */
  readonly last_transaction_at: string | null;
  readonly epoch: number;
  /** Up to which number the events of the epoch before still hold. */
  readonly stands_until: string;
}

export interface ClusterUndertaking {
  readonly cluster: string;
  /** Where it is prepared, and will lead. */
  readonly node: string;
  readonly others: readonly string[];
  /** The backup and the end of recovery, as options of `pgbackrest restore`; or the data that an earlier restore has kept. */
  readonly source: { readonly kind: 'repository'; readonly backup: string; readonly options: readonly string[] } | { readonly kind: 'kept'; readonly by: string };
  /** The timeline that the restore ends: what is looked for later in the time before it lies there. */
  readonly ended_timeline: number;
  /** The instant of the target, RFC 3339, where it has one. */
  readonly point_at?: string;
  recovered?: Recovered;
  /** How many transfers of the ledger are listed as lost; absent where it keeps none, or nobody could say. */
  lost?: number;
}

/**
 * One restore, or its undoing, from its first step to its last. It is written to disk after every step, so that whoever runs the command again after an
 * interruption goes on with the next one.
 */
export interface Undertaking {
  readonly id: string;
  readonly kind: 'restore' | 'undo';
  /** As it was asked for. */
  readonly to: string;
  readonly by: string;
  readonly reason: string;
  readonly began_at: string;
  readonly clusters: ClusterUndertaking[];
  /** The restore that this one undoes. */
  readonly undoes?: string;
  /** Services that ran and were stopped, to be started again. */
  stopped: string[];
  /** Steps that were finished, in order. */
  done: string[];
  /** How many seconds each stage of them took; of one that was interrupted, its last try. */
  took_s?: Record<string, number>;
  /** When the restored data took the place of the old. */
  placed_at?: string;
  finished_at?: string;
  /** What became of the old data. */
  old_data: 'kept' | 'deleted' | 'back in use';
}

export interface Step {
  /** Unique within an undertaking: by it a finished step is known. */
  readonly name: string;
  readonly label: string;
  run(say: (detail: string) => void): Promise<void>;
}

/** Steps that need not wait for each other, as each is of another cluster. */
export interface Stage {
  readonly name: string;
  readonly label: string;
  readonly steps: readonly { readonly name: string; readonly cluster: string; run(say: (detail: string) => void): Promise<void> }[];
}

/** Of these stages, those in which something is left to do. */
export function unfinishedOf({ done }: Pick<Undertaking, 'done'>, stages: readonly (Step | Stage)[]): Stage[] {
  return stages.flatMap((stage) => {
    const steps = ('steps' in stage ? stage.steps : [{ ...stage, cluster: '' }]).filter(({ name }) => !done.includes(name));
    return steps.length === 0 ? [] : [{ name: stage.name, label: stage.label, steps }];
  });
}

/** Runs the steps that are not finished yet. Each may be begun again after it was interrupted anywhere, and is known to be finished by itself. */
export async function goOn(
  undertaking: Undertaking, stages: readonly (Step | Stage)[], save: () => Promise<void>, show: (label: string, work: Step['run']) => Promise<void>,
): Promise<void> {
  for (const { name, label, steps } of unfinishedOf(undertaking, stages)) {
    const began = performance.now();
    let saved = Promise.resolve();
    await show(label, async (say) => {
      const details = new Map<string, string>();
      const ended = await Promise.allSettled(steps.map(async (step) => {
        await step.run((detail) => {
          details.set(step.cluster, detail);
          say([...details].map(([cluster, what]) => (cluster === '' ? what : `${cluster} ${what}`)).join(', '));
        });
        undertaking.done.push(step.name);
        // One after the other: it is one file.
        await (saved = saved.then(save));
      }));
      // Only once none is at work any more: what fails leaves nothing behind that goes on.
      for (const one of ended) if (one.status === 'rejected') throw one.reason;
    });
    undertaking.took_s = { ...undertaking.took_s, [name]: Math.round((performance.now() - began) / 10) / 100 };
    await save();
  }
}

export const newId = (now: Date): string => now.toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();

const directoryOf = (instance: Pick<Instance, 'directory'>): string => join(instance.directory, 'restores');

export const fileOf = (instance: Pick<Instance, 'directory'>, { id }: Undertaking, name: string): string => join(directoryOf(instance), id, name);

/** Whole or not at all: a crash in the middle leaves the old file. */
export async function saveUndertaking(instance: Pick<Instance, 'directory'>, undertaking: Undertaking): Promise<void> {
  const path = fileOf(instance, undertaking, 'state.json');
  await mkdir(join(directoryOf(instance), undertaking.id), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, `${JSON.stringify(undertaking, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** All of an instance, oldest first. */
export async function readUndertakings(instance: Pick<Instance, 'directory'>): Promise<Undertaking[]> {
  const ids = await readdir(directoryOf(instance)).catch(() => []);
  const paths = ids.toSorted().map((id) => join(directoryOf(instance), id, 'state.json')).filter((path) => existsSync(path));
  return Promise.all(paths.map(async (path) => JSON.parse(await readFile(path, 'utf8')) as Undertaking));
}

export const unfinished = (all: readonly Undertaking[]): Undertaking | undefined => all.findLast(({ finished_at }) => finished_at === undefined);

/** The timelines that restores have begun and ended. */
export function pastRestores(all: readonly Undertaking[]): PastRestore[] {
  return all.flatMap(({ placed_at, clusters }) => clusters.flatMap(({ cluster, ended_timeline, recovered }) => (placed_at === undefined || !recovered ? [] : [{
    cluster, at_ms: Date.parse(placed_at), ended_timeline,
    point_ms: recovered.last_transaction_at === null ? Date.parse(placed_at) : Date.parse(recovered.last_transaction_at),
  }])));
}

/** For commands that start containers: between two steps there may be half a database where a whole one belongs. */
export async function refuseUnfinishedRestore(instance: Pick<Instance, 'directory'>): Promise<void> {
  const open = unfinished(await readUndertakings(instance));
  if (!open) return;
  throw new UserError(`a ${open.kind === 'undo' ? 'restore is being undone' : `restore to ${open.to}`} was interrupted (after ${open.done.at(-1) ?? 'nothing'}).`, resuming(open));
}

export function resuming(open: Undertaking): string[] {
  const canBeGivenUp = open.kind === 'restore' && !open.done.includes('place');
  return ['Go on with it:  ./holdfast restore --resume', ...(canBeGivenUp ? ['Or give it up:  ./holdfast restore --undo'] : [])];
}
