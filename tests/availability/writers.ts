import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import type { SmallCluster } from './small-cluster.ts';

/** A writer that lost its connection tries again after this. */
const AGAIN_MS = 50;

/** Many who write a row at a time, each on a connection of his own, and remember what was acknowledged. */
export class Writers {
  readonly acknowledged: string[] = [];
  private readonly clients = new Set<pg.Client>();
  private readonly connection: pg.ClientConfig;
  private readonly working: Promise<unknown>;
  private stopping = false;

  private constructor(connection: pg.ClientConfig, count: number) {
    this.connection = connection;
    this.working = Promise.all(Array.from({ length: count }, () => this.work()));
  }

  static async start(cluster: SmallCluster, count: number): Promise<Writers> {
    return new Writers({ ...(await cluster.connection()), connectionTimeoutMillis: 5_000, keepAlive: true }, count);
  }

  /** Those that still wait for an answer are not told any more. */
  async stop(): Promise<string[]> {
    this.stopping = true;
    for (const client of this.clients) destroy(client);
    await this.working;
    return this.acknowledged;
  }

  private async work(): Promise<void> {
    while (!this.stopping) {
      const client = new pg.Client(this.connection);
      // What breaks a connection is told to the query that waits for it.
      client.on('error', () => undefined);
      this.clients.add(client);
      try {
        await client.connect();
        while (!this.stopping) await this.write(client);
      } catch {
        await pause(AGAIN_MS);
      } finally {
        this.clients.delete(client);
        destroy(client);
      }
    }
  }

  private async write(client: pg.Client): Promise<void> {
    const id = randomUUID();
    await client.query('INSERT INTO written (id) VALUES ($1)', [id]);
    this.acknowledged.push(id);
  }
}

/** At once: a leader that waits for a replica would not say goodbye either. */
function destroy(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream.destroy();
}
