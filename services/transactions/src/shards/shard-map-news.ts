import { log } from '@holdfast/kit/logging';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';

const BACKOFF_MS = 1_000;

interface Listener {
  listen(channel: string, onNotice: () => void, signal: AbortSignal): Promise<void>;
}

/** Has the map read anew the moment a shard changes it. While a shard cannot be heard, the ledger's own look every ten seconds must do. */
export class ShardMapNews {
  private readonly ledger: Ledger;
  private readonly databases: readonly Listener[];
  private readonly stopping = new AbortController();
  private running: Promise<unknown> | undefined;

  constructor(ledger: Ledger, databases: readonly Listener[]) {
    this.ledger = ledger;
    this.databases = databases;
  }

  start(): void {
    this.running ??= Promise.all(this.databases.map((database, shard) => this.hear(database, shard)));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async hear(database: Listener, shard: number): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await database.listen('shard_map', () => void this.ledger.refresh(), signal).catch((cause: unknown) => {
        log.debug('a shard cannot be listened to', { 'holdfast.shard': shard, 'error.message': String(cause) });
      });
      await sleep(BACKOFF_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
