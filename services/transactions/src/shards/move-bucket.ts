import { Problem } from '@holdfast/kit/problem';
import { setTimeout as sleep } from 'node:timers/promises';
import { newTransferId } from '../accounts/account-id.ts';
import type { SystemAccounts } from '../accounts/system-accounts.ts';
import {
  clearBucket, copyKeys, countSentBy, isLockTimeout, keepBucket, leaveBucket, listAccountIds, listCurrencies, readBucket, readClock, readLine, takeBucket, tellOfBucket,
  type Line,
} from './move-bucket.store.ts';
import type { Shard } from './shard.ts';

/** The promise to whoever wants to pay meanwhile is a second; what is not ready to go after this is given up, and the bucket stays. */
const PAUSE_MAX_MS = 700;
const DRAIN_POLL_MS = 20;
const LOCK_ATTEMPTS = 10;
/** Until every replica has heard of the new map, they read what has not been cleared. */
const HEARD_AFTER_MS = 250;

/** The bucket is where it was, and can be moved later. */
export class NotMoved extends Error {}

export interface Moved {
  readonly bucket: number;
  readonly from: number;
  readonly to: number;
  readonly accounts: number;
  /** For how long no shard took postings to it. Null if the move was begun earlier, and finished now. */
  readonly pause_ms: number | null;
}

/**
 * Moves buckets between shards while transfers go on. Steps, each a transaction of one shard, in this order:
 *
 *   copy    keys to the destination, those of most of the 30 days, before anybody has to wait
 *   leave   the source's map names the destination: no posting is accepted at either (`bucket_moved`, and services try again)
 *   take    the destination gets the keys since, accounts and open holds, in one transaction with its map: postings go on
 *   clear   the source's accounts go, their balances through the account in transit
 *   tell    the other shards get the line of the map
 *
 * What died between two of them is found in the maps, and finished before anything else is done with the bucket.
 */
export class BucketMover {
  private readonly shards: readonly Shard[];
  private readonly systemAccounts: SystemAccounts;

  constructor(shards: readonly Shard[], systemAccounts: SystemAccounts) {
    this.shards = shards;
    this.systemAccounts = systemAccounts;
  }

  async move(bucket: number, to: number): Promise<Moved> {
    const destination = this.shardNumbered(to);
    const finished = await this.finish(bucket);
    const source = await this.holderOf(bucket);
    if (source === destination) return finished ?? { bucket, from: to, to, accounts: 0, pause_ms: 0 };

    await this.makeTransitAccounts(bucket, source, destination);
    const copiedFrom = await readClock(source);
    await copyKeys(source, destination, bucket, undefined);

    const began = performance.now();
    const line = await this.leave(source, bucket, to);
    try {
      await this.untilNothingIsUnderWay(source, bucket, began);
      await copyKeys(source, destination, bucket, copiedFrom);
      await this.makeTransitAccounts(bucket, source, destination);
      if (performance.now() - began > PAUSE_MAX_MS) throw new NotMoved(`bucket ${bucket} has too much to move at once at the moment`);
    } catch (cause) {
      await keepBucket(source, bucket);
      throw cause;
    }
    const accounts = await this.take(source, destination, line, true);
    const pause_ms = Math.round(performance.now() - began);
    await sleep(HEARD_AFTER_MS);
    await this.clear(source, bucket);
    await this.tell(bucket);
    return { bucket, from: source.number, to, accounts, pause_ms };
  }

  /** Brings a move to its end that somebody else has begun. */
  private async finish(bucket: number): Promise<Moved | undefined> {
    const lines = await this.lines(bucket);
    let finished: Moved | undefined;
    if (!lines.some(({ line, shard }) => line.holder === shard.number)) {
      const newest = lines.toSorted((one, other) => Number(other.line.version - one.line.version))[0];
      if (!newest) throw new Error('the ledger has no shards');
      const { shard: source, line } = newest;
      const destination = this.shardNumbered(line.holder);
      await this.makeTransitAccounts(bucket, source, destination);
      await copyKeys(source, destination, bucket, undefined);
      const accounts = await this.take(source, destination, line, false);
      finished = { bucket, from: source.number, to: line.holder, accounts, pause_ms: null };
    }
    const holder = await this.holderOf(bucket);
    for (const shard of this.shards) {
      if (shard === holder || (await listAccountIds(shard, bucket)).length === 0) continue;
      finished ??= { bucket, from: shard.number, to: holder.number, accounts: 0, pause_ms: null };
      await this.makeTransitAccounts(bucket, shard, holder);
      await this.clear(shard, bucket);
    }
    await this.tell(bucket);
    return finished;
  }

  private async leave(source: Shard, bucket: number, to: number): Promise<Line> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await leaveBucket(source, bucket, to);
      } catch (cause) {
        // A batch hangs, as its synchronous replica is slow: everybody would wait behind us.
        if (!isLockTimeout(cause) || attempt >= LOCK_ATTEMPTS) throw cause;
        await sleep(100);
      }
    }
  }

  /** What of it is in transit may have to come back to its accounts, where they are now. */
  private async untilNothingIsUnderWay(source: Shard, bucket: number, began: number): Promise<void> {
    for (;;) {
      const sent = await countSentBy(source, bucket);
      if (sent === 0n) return;
      if (performance.now() - began > PAUSE_MAX_MS) throw new NotMoved(`${sent} transfers of bucket ${bucket} are in transit to another shard`);
      await sleep(DRAIN_POLL_MS);
    }
  }

  /** Returns how many accounts went. With `mayKeep`, a destination that refuses leaves the bucket where it was. */
  private async take(source: Shard, destination: Shard, line: Line, mayKeep: boolean): Promise<number> {
    try {
      const ids = await listAccountIds(source, line.bucket);
      const { accounts, holds } = await readBucket(source, line.bucket, transferIds(line.bucket, ids));
      await takeBucket(destination, line, accounts, holds);
      return ids.length;
    } catch (cause) {
      // Whether one that does not answer has taken it is not known: then only going on is safe.
      if (!mayKeep || cause instanceof Problem) throw cause;
      await keepBucket(source, line.bucket);
      throw isLockTimeout(cause) ? new NotMoved(`shard ${destination.number} is too busy to take bucket ${line.bucket}`) : cause;
    }
  }

  private async clear(source: Shard, bucket: number): Promise<void> {
    await clearBucket(source, bucket, transferIds(bucket, await listAccountIds(source, bucket)));
  }

  private async tell(bucket: number): Promise<void> {
    const lines = await this.lines(bucket);
    const holder = lines.find(({ shard, line }) => line.holder === shard.number);
    if (!holder) throw new Error(`no shard has bucket ${bucket}`);
    for (const { shard, line } of lines) if (line.version < holder.line.version) await tellOfBucket(shard, holder.line);
  }

  private async makeTransitAccounts(bucket: number, ...shards: readonly Shard[]): Promise<void> {
    const currencies = new Set((await Promise.all(this.shards.map((shard) => listCurrencies(shard, bucket)))).flat());
    for (const currency of currencies) for (const shard of shards) await this.systemAccounts.of(shard, 'in-transit', currency, bucket);
  }

  private async holderOf(bucket: number): Promise<Shard> {
    const holder = (await this.lines(bucket)).find(({ shard, line }) => line.holder === shard.number);
    if (!holder) throw new Error(`no shard has bucket ${bucket}`);
    return holder.shard;
  }

  private lines(bucket: number): Promise<{ shard: Shard; line: Line }[]> {
    return Promise.all(this.shards.map(async (shard) => ({ shard, line: await readLine(shard, bucket) })));
  }

  private shardNumbered(number: number): Shard {
    const shard = this.shards[number];
    if (!shard) throw new NotMoved(`there is no shard ${number}: the ledger has ${this.shards.length}, from 0`);
    return shard;
  }
}

/** A transfer for each account, as JSON. */
function transferIds(bucket: number, accounts: readonly string[]): string {
  return JSON.stringify(Object.fromEntries(accounts.map((account) => [account, newTransferId(bucket)])));
}
