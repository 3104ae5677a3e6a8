import type { Shard } from '../shards/shard.ts';
import { deleteKeysBefore, keepHorizon, readHorizon } from './idempotency-keys.store.ts';
import { nextHorizon } from './keys-horizon.ts';

const AT_ONCE = 2_000;
/** A sweep ends at some time even if keys come to be old faster than they go. */
const TURNS_MAX = 200;
/** A horizon that went back by more is written down at once: another replica, or this one after a restart, must not go on from where it was. */
const BACK_MS = 60_000;

/** Forgets the idempotency keys of one shard when their time is over (keys-horizon.ts says when). It looks at the clock often, and sweeps now and then. */
export class ForgetKeys {
  private readonly shard: Shard;
  private horizon_ms: number | undefined;
  private kept_ms = 0;
  private looked_ms = 0;

  constructor(shard: Shard) {
    this.shard = shard;
  }

  /** Returns what the shard's clock says, in milliseconds since 1970. `passed_ms` is a clock that only runs: `performance.now()`. */
  async look(passed_ms: number): Promise<number> {
    const { clock_ms, kept_ms } = await readHorizon(this.shard);
    const kept = nextHorizon(kept_ms, clock_ms, 0);
    // Where it was put back, somebody else has seen the clock go back: then what this process remembers is too far on.
    const isKnown = this.horizon_ms !== undefined && kept_ms >= this.kept_ms;
    this.horizon_ms = isKnown ? Math.max(kept, nextHorizon(this.horizon_ms ?? kept, clock_ms, passed_ms - this.looked_ms)) : kept;
    this.kept_ms = kept_ms;
    this.looked_ms = passed_ms;
    if (this.horizon_ms < kept_ms - BACK_MS) await this.keep();
    return clock_ms;
  }

  /** Deletes what is before the horizon of the last look, in small transactions, and returns how many they were. */
  async sweep(): Promise<number> {
    if (this.horizon_ms === undefined) return 0;
    const horizon = new Date(this.horizon_ms);
    let total = 0;
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const deleted = await deleteKeysBefore(this.shard, horizon, AT_ONCE);
      total += deleted;
      if (deleted < AT_ONCE) break;
    }
    await this.keep();
    return total;
  }

  private async keep(): Promise<void> {
    this.kept_ms = this.horizon_ms ?? 0;
    await keepHorizon(this.shard, new Date(this.kept_ms));
  }
}
