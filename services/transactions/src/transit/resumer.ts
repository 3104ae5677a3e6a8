import { log } from '@holdfast/kit/logging';
import { gauge } from '@holdfast/kit/metrics';
import { Problem } from '@holdfast/kit/problem';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Shard } from '../shards/shard.ts';
import { listUnderWay, measureUnderWay, type OutgoingRow } from './outgoing.store.ts';
import type { Transit } from './transit.ts';

const LOOK_EVERY_MS = 1_000;
/** Longer than a client waits: what is younger is in the hands of the replica that took it, if that lives. */
const RESUME_AFTER_MS = 5_000;
const PAGE = 500;

const underWay = gauge('transit_in_flight_transfers', 'Transfers that have left a shard and are not settled yet', ['shard']);
const oldest = gauge('transit_oldest_seconds', 'For how long the oldest of them has been under way', ['shard']);

/**
 * Brings to its end what was left in transit: by a replica that died, or because the other shard was away. Every replica has one, and they need not
 * agree: going on with a transfer twice changes nothing.
 */
export class TransitResumer {
  private readonly shards: readonly Shard[];
  private readonly transit: Transit;
  private readonly stopping = new AbortController();
  private running: Promise<unknown> | undefined;

  constructor(shards: readonly Shard[], transit: Transit) {
    this.shards = shards;
    this.transit = transit;
  }

  start(): void {
    this.running ??= Promise.all(this.shards.map((shard) => this.watch(shard)));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** One look at a shard: goes on with all that was sent `olderThanMs` ago or earlier. Returns how many of them are still under way. */
  async resume(shard: Shard, olderThanMs: number): Promise<number> {
    const away = new Set<Shard>();
    let left = 0;
    let last: OutgoingRow | undefined;
    do {
      const rows: OutgoingRow[] = await listUnderWay(shard, olderThanMs, last, PAGE);
      last = rows.length === PAGE ? rows.at(-1) : undefined;
      const results = await Promise.all(rows.map(async (row) => {
        const destination = this.transit.destinationOf(row.legs);
        // One page finds out; the rest of a long list need not knock at a closed door.
        if (away.has(destination)) return false;
        try {
          await this.transit.resume(shard, row);
          return true;
        } catch (cause) {
          if (cause instanceof Problem) away.add(destination);
          else log.error('a transfer in transit cannot be brought to its end', { 'holdfast.shard': shard.number, 'holdfast.transfer': row.transferId }, cause);
          return false;
        }
      }));
      left += results.filter((done) => !done).length;
    } while (last && !this.stopping.signal.aborted);
    return left;
  }

  private async watch(shard: Shard): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        const { transfers, oldest_s } = await measureUnderWay(shard);
        underWay.set({ shard: shard.number }, Number(transfers));
        oldest.set({ shard: shard.number }, oldest_s);
        if (oldest_s * 1_000 >= RESUME_AFTER_MS) await this.resume(shard, RESUME_AFTER_MS);
      } catch (cause) {
        log.debug('what is in transit cannot be read', { 'holdfast.shard': shard.number, 'error.message': String(cause) });
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }
}
