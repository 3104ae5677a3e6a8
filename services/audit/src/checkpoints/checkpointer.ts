import { log } from '@holdfast/kit/logging';
import { gauge } from '@holdfast/kit/metrics';
import { underLock, type Connection } from '@holdfast/kit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryOf, readLastSequence, readLinks, writeBlocks } from '../log/log.store.ts';
import { Walk, type TrailFault } from '../tree/walk.ts';
import { assertFollows, readRow, writeCheckpoint, type Checkpoint, type Holding, type RestoreRecord } from './checkpoint.ts';
import type { CheckpointPlace } from './checkpoint-file.ts';
import type { SigningKey } from './signing-key.ts';
import { broken } from './trail-metrics.ts';

/** Any number will do, as long as nobody else takes it in this database. */
const CHECKPOINT_LOCK = 4_706_102;
const PAGE = 2_000;
const RETRY_MS = 5_000;

const writtenAt = gauge('audit_checkpoint_timestamp_seconds', 'Time of the last checkpoint; 0 if there is none yet');
const writtenSize = gauge('audit_checkpoint_entries', 'Entries that the last checkpoint covers');
const copiedAt = gauge('audit_checkpoint_copy_timestamp_seconds', 'Time of the last checkpoint in the second place; not there where none is configured', ['place']);

/** The log is not what was signed: nothing is signed any more until it is, or until a restore is authorised. */
export class TrailBroken extends Error {
  readonly fault: TrailFault;

  constructor(fault: TrailFault) {
    super(`the audit trail is not as it was signed: ${fault.why}`);
    this.name = 'TrailBroken';
    this.fault = fault;
  }
}

export interface CheckpointerOptions {
  readonly database: Connection & { session<T>(work: (connection: Connection) => Promise<T>): Promise<T> };
  readonly place: CheckpointPlace;
  readonly secondPlace: CheckpointPlace | undefined;
  readonly key: SigningKey;
  readonly everyMs: number;
  readonly now?: () => number;
}

/**
 * Signs, once a minute, what the log is, and writes it to places outside of the database. The database is believed only what is new: all before the last
 * checkpoint comes from that checkpoint's own place, so that whoever rewrites the log cannot have the new version signed.
 */
export class Checkpointer {
  private readonly options: CheckpointerOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private problem: string | undefined;
  private last: Checkpoint | undefined;

  constructor(options: CheckpointerOptions) {
    this.options = options;
  }

  start(): void {
    writtenAt.set(0);
    broken.set({ found_by: 'checkpoint' }, 0);
    if (this.options.secondPlace) copiedAt.set({ place: 'second' }, 0);
    this.running ??= this.runForEver();
  }

  trouble(): string | undefined {
    return this.problem;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      let wait_ms = this.options.everyMs;
      try {
        await this.write();
        this.problem = undefined;
        broken.set({ found_by: 'checkpoint' }, 0);
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        if (this.problem === undefined) log.error('no checkpoint was written; trying on', {}, cause);
        this.problem = `no checkpoint is written: ${message}`;
        if (cause instanceof TrailBroken) broken.set({ found_by: 'checkpoint' }, 1);
        wait_ms = Math.min(wait_ms, RETRY_MS);
      }
      await sleep(wait_ms, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Writes one checkpoint, unless another replica is about to: then the answer is the last one. */
  async write(restore?: Omit<RestoreRecord, 'kept'> & { beforeSigning: () => Promise<void> }): Promise<Checkpoint | undefined> {
    const written = await this.options.database.session((connection) => underLock(connection, [CHECKPOINT_LOCK], () => this.writeAlone(connection, restore)));
    this.last = written ?? await this.options.place.readLast(this.options.key);
    if (this.last) {
      writtenAt.set(this.last.time_ms / 1_000);
      writtenSize.set(this.last.size);
    }
    await this.copy();
    return written;
  }

  private async writeAlone(connection: Connection, restore: (Omit<RestoreRecord, 'kept'> & { beforeSigning: () => Promise<void> }) | undefined): Promise<Checkpoint> {
    const { place, key } = this.options;
    if (await place.mendEnd()) log.warn('a checkpoint was written in half and taken back');
    const last = await place.readLast(key) ?? await this.fetchBack();
    const walk = restore ? await this.walkKept(connection) : await this.walkOn(connection, last);
    const kept = walk.size;
    if (restore) {
      await restore.beforeSigning();
      await this.follow(connection, walk, []);
    }
    const now_ms = (this.options.now ?? Date.now)();
    if (last && now_ms < last.time_ms) throw new Error(`the clock stands before the last checkpoint (${new Date(last.time_ms).toISOString()}): was it turned back?`);
    const checkpoint = writeCheckpoint({
      size: walk.size, root: walk.root, time_ms: now_ms, head: walk.lastHash, epoch: (last?.epoch ?? 1) + (restore ? 1 : 0), restore: restore && { by: restore.by, why: restore.why, kept },
    }, last, key);
    assertFollows(checkpoint, last);
    await place.append(checkpoint);
    await place.writeState(walk.state());
    return checkpoint;
  }

  /** On a machine that was made anew the first place is empty, and what was signed before still holds. */
  private async fetchBack(): Promise<Checkpoint | undefined> {
    const { place, secondPlace, key } = this.options;
    if (!secondPlace) return undefined;
    await secondPlace.mendEnd();
    for await (const note of secondPlace.readNotes()) await place.append({ note });
    const last = await place.readLast(key);
    if (last) log.warn('the checkpoints were fetched back from the second place, as the first was empty', { 'holdfast.path': secondPlace.path });
    return last;
  }

  /**
   * From the last checkpoint on. If what was put aside is not what it signed, or the last entry that it signed is not in the log, from the beginning, past
   * every checkpoint: that tells where the fault is.
   */
  private async walkOn(connection: Connection, last: Checkpoint | undefined): Promise<Walk> {
    const { place, key } = this.options;
    const blocks = new Map<number, Buffer>();
    const walk = new Walk(await place.readState(), (block, subtree) => blocks.set(block, subtree));
    const [there] = last ? await readLinks(connection, BigInt(last.size - 1), 1) : [];
    const isThere = there?.sequence === BigInt(walk.size - 1) && there.hash.equals(walk.lastHash);
    if (last && isThere && walk.size === last.size && walk.root.equals(last.root) && walk.lastHash.equals(last.head)) {
      await this.follow(connection, walk, [last], blocks);
      return walk;
    }
    const fresh = new Walk(undefined, (block, subtree) => blocks.set(block, subtree));
    await this.follow(connection, fresh, (await readRow(place.readNotes(), key)).holding, blocks);
    return fresh;
  }

  /** After a restore: the whole log, which must agree with every checkpoint that it reaches. What it no longer reaches is what the restore gave up. */
  private async walkKept(connection: Connection): Promise<Walk> {
    const length = Number(await readLastSequence(connection)) + 1;
    const { holding } = await readRow(this.options.place.readNotes(), this.options.key);
    const walk = new Walk();
    await this.follow(connection, walk, holding.filter(({ size }) => size <= length));
    return walk;
  }

  private async follow(connection: Connection, walk: Walk, signed: readonly Holding[], blocks = new Map<number, Buffer>()): Promise<void> {
    for (;;) {
      const rows = await readLinks(connection, BigInt(walk.size), PAGE);
      const fault = walk.take(rows.map(entryOf), signed) ?? (rows.length === 0 ? walk.end(signed) : undefined);
      if (fault) throw new TrailBroken(fault);
      await writeBlocks(connection, blocks);
      blocks.clear();
      if (rows.length < PAGE && walk.end(signed) === undefined) return;
    }
  }

  /** The second place gets what it does not have, so that it is whole again after it was away. It must not have anything else. */
  private async copy(): Promise<void> {
    const { place, secondPlace, key } = this.options;
    if (!secondPlace) return;
    await secondPlace.mendEnd();
    const there = await secondPlace.readLast(key);
    if (there?.note !== this.last?.note) {
      let isKnown = there === undefined;
      for await (const note of place.readNotes()) {
        if (there && !isKnown) isKnown = note === there.note;
        else await secondPlace.append({ note });
      }
      if (!isKnown) throw new Error(`the second place (${secondPlace.path}) has a checkpoint that the first has not, of ${new Date(there?.time_ms ?? 0).toISOString()}: one of them was changed`);
    }
    if (this.last) copiedAt.set({ place: 'second' }, this.last.time_ms / 1_000);
  }
}
