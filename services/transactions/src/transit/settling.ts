import type { TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import { settle } from './outgoing.store.ts';

const BATCH_MAX = 1_000;
/** Nobody waits for a mark: those of this long leave together, as a commit costs the same for one as for hundreds. */
const GATHER_MS = 50;

interface Waiting {
  readonly transfer: { id: TransferId; traceparent: string | undefined };
  resolve(): void;
  reject(cause: unknown): void;
}

/** Marks of one shard, in groups: one statement is under way at a time, and takes along what has come meanwhile. So a transfer costs no commit of its own for it. */
export class Settling {
  private readonly shard: Shard;
  private waiting: Waiting[] = [];
  private busy = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(shard: Shard) {
    this.shard = shard;
  }

  add(transfer: Waiting['transfer']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ transfer, resolve, reject });
      if (this.waiting.length >= BATCH_MAX) this.leave();
      else this.timer ??= setTimeout(() => this.leave(), GATHER_MS);
    });
  }

  private leave(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.busy || this.waiting.length === 0) return;
    const batch = this.waiting.slice(0, BATCH_MAX);
    this.waiting = this.waiting.slice(BATCH_MAX);
    this.busy = true;
    void settle(this.shard, batch.map(({ transfer }) => transfer)).then(
      () => { for (const item of batch) item.resolve(); },
      (cause: unknown) => { for (const item of batch) item.reject(cause); },
    ).finally(() => {
      this.busy = false;
      if (this.timer === undefined) this.leave();
    });
  }
}
