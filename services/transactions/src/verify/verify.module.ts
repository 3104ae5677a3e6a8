import { Database } from '@holdfast/kit/postgres';
import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { config } from '../config.ts';
import { openShards, VERIFY_QUERY_TIMEOUT_MS } from './connections.ts';
import { Verifier } from './verifier.ts';

const LOOK_EVERY_MS = 30_000;
/** At most a quarter of a core: nobody waits for it. */
const REST = 3;

/** The verification that goes on by itself, on two connections a shard of its own: one for its pages, and on shard 0 one for its lock. */
@Module({})
export class VerifyModule implements OnApplicationShutdown {
  private readonly databases: readonly Database[];
  private readonly verifier: Verifier;

  constructor() {
    const { shards, databases } = openShards(config.ledgerShards, (address) => new Database({
      address, database: 'ledger', user: 'transactions', directory: config.secretsDirectory, connectionsMax: 2, statementTimeoutMs: VERIFY_QUERY_TIMEOUT_MS,
    }));
    const [results] = databases;
    if (!results) throw new Error('LEDGER_SHARDS names no shard');
    this.databases = databases;
    this.verifier = new Verifier({
      shards, results, everyHours: config.verifyEveryHours, firstAfterMs: config.verifyFirstAfterS * 1_000, lookEveryMs: LOOK_EVERY_MS, rest: REST,
    });
    this.verifier.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.verifier.stop();
    await Promise.allSettled(this.databases.map((database) => database.close()));
  }
}
