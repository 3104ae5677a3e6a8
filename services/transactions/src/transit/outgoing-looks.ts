import type { TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import { readOutgoing, type OutgoingRow } from './outgoing.store.ts';

interface Waiting {
  readonly id: TransferId;
  resolve(row: OutgoingRow | undefined): void;
  reject(cause: unknown): void;
}

/** Looks into the outgoing transfers of one shard, those of the same moment in one statement: a batch that is repeated asks for a thousand. */
export class OutgoingLooks {
  private readonly shard: Shard;
  private waiting: Waiting[] = [];

  constructor(shard: Shard) {
    this.shard = shard;
  }

  find(id: TransferId): Promise<OutgoingRow | undefined> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setImmediate(() => this.look());
      this.waiting.push({ id, resolve, reject });
    });
  }

  private look(): void {
    const asked = this.waiting;
    this.waiting = [];
    readOutgoing(this.shard, asked.map(({ id }) => id)).then(
      (rows) => { for (const { id, resolve } of asked) resolve(rows.get(id)); },
      (cause: unknown) => { for (const { reject } of asked) reject(cause); },
    );
  }
}
