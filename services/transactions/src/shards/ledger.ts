import { log } from '@holdfast/kit/logging';
import { Problem, unavailable } from '@holdfast/kit/problem';
import { setTimeout as sleep } from 'node:timers/promises';
import { bucketOf, bucketOfSubject, type AccountId, type HoldId, type TransferId } from '../accounts/account-id.ts';
import { shardMapOf, type ShardMap } from './shard-map.ts';
import type { Shard } from './shard.ts';
import { readShardMap, readShardNumber } from './shards.store.ts';

/** Changes are told of at once (shard-map-news.ts); this is for the one that went unheard. */
const REFRESH_MS = 10_000;
const RETRY_MS = 500;
/** How long a request waits for a bucket that is moving: longer than the pause of a move, and shorter than a client's patience. */
const MOVING_MAX_MS = 3_000;
const MOVING_RETRY_MS = 25;

/** All shards of the ledger, and who lives where. The map is cached, as it changes a few times in a lifetime. */
export class Ledger {
  readonly shards: readonly Shard[];
  private map: ShardMap | undefined;
  private reading: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(shards: readonly Shard[]) {
    this.shards = shards;
  }

  /** Reads the map in the background, and goes on doing so. */
  start(): void {
    void this.refresh().finally(() => {
      if (this.stopped) return;
      this.timer = setTimeout(() => this.start(), this.map ? REFRESH_MS : RETRY_MS);
      this.timer.unref();
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Where all accounts of a person are. */
  homeOf(subject: string): Shard {
    return this.shardOfBucket(bucketOfSubject(subject));
  }

  shardOf(id: AccountId | TransferId | HoldId): Shard {
    return this.shardOfBucket(bucketOf(id));
  }

  /** Where what happened to an account, transfer or hold is written down: its shard, then those on which its bucket was before, the latest first. */
  historyOf(id: AccountId | TransferId | HoldId): readonly Shard[] {
    const former = this.map?.formerOfBucket[bucketOf(id)] ?? [];
    return [...new Set([this.shardOf(id), ...former.toReversed().flatMap((number) => this.shards[number] ?? [])])];
  }

  /** A bucket that a shard has: the wished one, if it has that. */
  bucketOn(shard: Shard, wished: number): number {
    if (this.shardOfBucket(wished) === shard) return wished;
    const bucket = this.map?.shardOfBucket.indexOf(shard.number) ?? -1;
    if (bucket < 0) throw unavailable('ledger_unavailable', 'That shard of the ledger has no buckets any more');
    return bucket;
  }

  isMapKnown(): boolean {
    return this.map !== undefined;
  }

  /** Asks all shards for the map. One that is away or behind does not matter: see `shardMapOf`. Who asks while it is read gets what is read next. */
  refresh(): Promise<void> {
    if (this.next) return this.next;
    const reading = this.reading ?? Promise.resolve();
    const next = reading.then(() => {
      this.next = undefined;
      this.reading = this.read().finally(() => { this.reading = undefined; });
      return this.reading;
    });
    this.next = next;
    return next;
  }

  /**
   * Repeats what was refused with `bucket_moved`, by the map of then: a bucket that moves is on its way for less than a second. Nothing was done and nothing
   * was kept under a key by the attempt that was refused so, hence repeating it is harmless.
   */
  async whereverItIs<T>(attempt: () => Promise<T>): Promise<T> {
    // By a clock that nobody sets.
    const deadline = performance.now() + MOVING_MAX_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (cause) {
        if (!(cause instanceof Problem && cause.code === 'bucket_moved') || performance.now() > deadline) throw cause;
      }
      await this.untilItMayBeThere();
    }
  }

  /** To be waited for before something that a shard answered with `bucket_moved` is tried again. */
  async untilItMayBeThere(): Promise<void> {
    await sleep(MOVING_RETRY_MS);
    await this.refresh();
  }

  private async read(): Promise<void> {
    const readings = await Promise.allSettled(this.shards.map(async (shard) => {
      const number = await readShardNumber(shard);
      if (number !== shard.number) throw new Error(`LEDGER_SHARDS names shard ${number ?? 'none'} in place ${shard.number}`);
      return { shard: number, rows: await readShardMap(shard) };
    }));
    for (const [index, reading] of readings.entries()) {
      if (reading.status === 'rejected') log.warn('a ledger shard does not tell its map', { 'holdfast.shard': index }, reading.reason);
    }
    const told = readings.flatMap((reading) => (reading.status === 'fulfilled' ? reading.value : []));
    if (told.length === 0) return;
    try {
      const map = shardMapOf(told, this.shards.length, this.map);
      if (map.version !== this.map?.version) log.info('shard map read', { 'holdfast.shard_map_version': map.version.toString() });
      this.map = map;
    } catch (cause) {
      log.error('the shard map cannot be used', {}, cause);
    }
  }

  shardOfBucket(bucket: number): Shard {
    const shard = this.shards[this.map?.shardOfBucket[bucket] ?? -1];
    if (!shard) throw unavailable('ledger_unavailable', 'No shard of the ledger has been reached yet');
    return shard;
  }
}
