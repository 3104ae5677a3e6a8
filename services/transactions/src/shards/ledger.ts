import { log } from '@holdfast/kit/logging';
import { unavailable } from '@holdfast/kit/problem';
import { bucketOf, bucketOfSubject, type AccountId, type HoldId, type TransferId } from '../accounts/account-id.ts';
import { shardMapOf, type ShardMap } from './shard-map.ts';
import type { Shard } from './shard.ts';
import { readShardMap, readShardNumber } from './shards.store.ts';

const REFRESH_MS = 10_000;
const RETRY_MS = 500;

/** All shards of the ledger, and who lives where. The map is cached, as it changes a few times in a lifetime. */
export class Ledger {
  readonly shards: readonly Shard[];
  private map: ShardMap | undefined;
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
    return [this.shardOf(id)];
  }

  isMapKnown(): boolean {
    return this.map !== undefined;
  }

  /** Any shard that is up tells the map. The newest one is kept: a shard that was away may have an old one. */
  async refresh(): Promise<void> {
    const readings = await Promise.allSettled(this.shards.map(async (shard) => {
      const number = await readShardNumber(shard);
      if (number !== shard.number) throw new Error(`LEDGER_SHARDS names shard ${number ?? 'none'} in place ${shard.number}`);
      return shardMapOf(await readShardMap(shard), this.shards.length);
    }));
    for (const [index, reading] of readings.entries()) {
      if (reading.status === 'rejected') {
        log.warn('a ledger shard does not tell its map', { 'holdfast.shard': index }, reading.reason);
      } else if (!this.map || reading.value.version > this.map.version) {
        this.map = reading.value;
        log.info('shard map read', { 'holdfast.shard_map_version': reading.value.version.toString() });
      }
    }
  }

  shardOfBucket(bucket: number): Shard {
    const shard = this.shards[this.map?.shardOfBucket[bucket] ?? -1];
    if (!shard) throw unavailable('ledger_unavailable', 'No shard of the ledger has been reached yet');
    return shard;
  }
}
