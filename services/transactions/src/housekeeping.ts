import { log } from '@holdfast/kit/logging';
import { counter } from '@holdfast/kit/metrics';
import { underLock, type Database } from '@holdfast/kit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { JumpWatch } from './clock/jump-watch.ts';
import { expireHolds } from './holds/expire-holds.ts';
import type { Shard } from './shards/shard.ts';
import { ForgetKeys } from './transfers/forget-keys.ts';
import type { Poster } from './transfers/poster.ts';

/** Any number will do, as long as nobody else takes it in the same database. */
const HOUSEKEEPING_LOCK = 4_706_003;
const EXPIRE_EVERY_MS = 1_000;
const FORGET_EVERY_MS = 600_000;

const jumps = counter('ledger_clock_jumps_total', 'Times that the clock of a shard was seen to jump by more than a minute', ['shard', 'direction']);

interface Line {
  readonly shard: Shard;
  /** One connection, for the lock: the work itself goes the usual ways. */
  readonly database: Database;
}

/**
 * What a shard needs done by itself: holds released when their time is over, old keys forgotten. By one replica at a time, whoever has the lock. Neither can be
 * undone, so that a clock which jumps is not believed at once.
 */
export class Housekeeping {
  private readonly lines: readonly Line[];
  private readonly poster: Poster;
  private readonly stopping = new AbortController();
  private running: Promise<unknown> | undefined;

  constructor(lines: readonly Line[], poster: Poster) {
    this.lines = lines;
    this.poster = poster;
  }

  start(): void {
    this.running ??= Promise.all(this.lines.map((line) => this.keep(line)));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async keep({ shard, database }: Line): Promise<void> {
    const keys = new ForgetKeys(shard);
    const watch = new JumpWatch();
    let forgotten_ms = -Infinity;
    let isInTrouble = false;
    while (!this.stopping.signal.aborted) {
      try {
        await database.session((connection) => underLock(connection, [HOUSEKEEPING_LOCK, shard.number], async () => {
          const passed_ms = performance.now();
          this.tellOfJump(shard, watch.look({ passed_ms, clock_ms: await keys.look(passed_ms) }));
          if (watch.isBelieved()) await expireHolds(shard, this.poster);
          if (performance.now() - forgotten_ms <= FORGET_EVERY_MS) return;
          const forgotten = await keys.sweep();
          if (forgotten > 0) log.info('old idempotency keys were forgotten', { 'holdfast.shard': shard.number, 'keys': forgotten });
          forgotten_ms = performance.now();
        }));
        isInTrouble = false;
      } catch (cause) {
        if (!isInTrouble) log.warn('holds and keys of a shard wait for housekeeping; trying on', { 'holdfast.shard': shard.number }, cause);
        isInTrouble = true;
      }
      await sleep(EXPIRE_EVERY_MS, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  private tellOfJump(shard: Shard, jump_ms: number): void {
    if (jump_ms === 0) return;
    jumps.inc({ shard: shard.number, direction: jump_ms > 0 ? 'forward' : 'back' });
    log.warn('the clock of a shard has jumped; until a jump forward has lasted for ten minutes no hold expires by itself', { 'holdfast.shard': shard.number, 'holdfast.jump_s': Math.round(jump_ms / 1_000) });
  }
}
