import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { writeWhole } from '../state/write-whole.ts';
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
  /** From when nobody was served by these clusters any more. */
  silent_at?: string;
  /** When the old data began to give its place to the restored; from then on there is no giving up. */
  placing_at?: string;
  /** When the restored data was in its place, and led. */
  placed_at?: string;
  /** When the services that were stopped answered again. */
  serving_at?: string;
  finished_at?: string;
  /** What became of the old data. */
  old_data: 'kept' | 'deleted' | 'back in use';
}

/** Something that is done as a whole, or again. By its name, unique within an undertaking, it is known to be finished. */
export interface Work {
  readonly name: string;
  run(say: (detail: string) => void): Promise<void>;
}

/** What is done one after the other, and shown as one line. */
export interface Step extends Work {
  readonly label: string;
}

/** Lanes that need not wait for each other, as each is of another cluster, or of none. */
export interface Stage {
  readonly name: string;
  readonly label: string;
  readonly lanes: readonly { readonly cluster: string; readonly works: readonly Work[] }[];
}

/** Of these stages, those in which something is left to do. */
export function unfinishedOf({ done }: Pick<Undertaking, 'done'>, stages: readonly (Step | Stage)[]): Stage[] {
  return stages.flatMap((stage) => {
    const all = 'lanes' in stage ? stage.lanes : [{ cluster: '', works: [stage] }];
    const lanes = all.map(({ cluster, works }) => ({ cluster, works: works.filter(({ name }) => !done.includes(name)) })).filter(({ works }) => works.length > 0);
    return lanes.length === 0 ? [] : [{ name: stage.name, label: stage.label, lanes }];
  });
}

/** Does what is not finished yet. Each work may be begun again after it was interrupted anywhere, and is known to be finished by itself. */
export async function goOn(
  undertaking: Undertaking, stages: readonly (Step | Stage)[], save: () => Promise<void>, show: (label: string, work: Step['run']) => Promise<void>,
): Promise<void> {
  for (const { name, label, lanes } of unfinishedOf(undertaking, stages)) {
    const began = performance.now();
    await show(label, async (say) => {
      const details = new Map<string, string>();
      const ended = await Promise.allSettled(lanes.map(async ({ cluster, works }) => {
        for (const work of works) {
          await work.run((detail) => {
            details.set(cluster, detail);
            say([...details].map(([of, what]) => (of === '' ? what : `${of} ${what}`)).join(', '));
          });
          undertaking.done.push(work.name);
          await save();
        }
      }));
      // Only once none is at work any more: what fails leaves nothing behind that goes on.
      for (const one of ended) if (one.status === 'rejected') throw one.reason;
    });
    undertaking.took_s = { ...undertaking.took_s, [name]: Math.round((performance.now() - began) / 10) / 100 };
    await save();
  }
}

/** The same work, for which others that are at work at the same time wait by `passed`: until it is finished, or has failed. */
export function awaited<W extends Work>({ done }: Pick<Undertaking, 'done'>, work: W): W & { readonly passed: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Who does not wait for it need not hear that it failed.
  promise.catch(() => undefined);
  if (done.includes(work.name)) resolve();
  return {
    ...work,
    passed: promise,
    run: (say) => {
      const running = work.run(say);
      running.then(resolve, reject);
      return running;
    },
  };
}

export const newId = (now: Date): string => now.toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();

const directoryOf = (instance: Pick<Instance, 'directory'>): string => join(instance.directory, 'restores');

export const fileOf = (instance: Pick<Instance, 'directory'>, { id }: Undertaking, name: string): string => join(directoryOf(instance), id, name);

let lastSave = Promise.resolve();

/** One after the other, as those who save are at work at the same time. */
export function saveUndertaking(instance: Pick<Instance, 'directory'>, undertaking: Undertaking): Promise<void> {
  const saving = lastSave.then(() => write(instance, undertaking));
  lastSave = saving.catch(() => undefined);
  return saving;
}

async function write(instance: Pick<Instance, 'directory'>, undertaking: Undertaking): Promise<void> {
  const path = fileOf(instance, undertaking, 'state.json');
  await mkdir(join(directoryOf(instance), undertaking.id), { recursive: true, mode: 0o700 });
  await writeWhole(path, `${JSON.stringify(undertaking, null, 2)}\n`);
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
  return ['Go on with it:  ./holdfast restore --resume', ...(canBeGivenUp(open) ? ['Or give it up:  ./holdfast restore --undo'] : [])];
}

export const canBeGivenUp = ({ kind, placing_at, placed_at }: Undertaking): boolean => kind === 'restore' && (placing_at ?? placed_at) === undefined;
