import { addressList, integer, readConfig } from '@holdfast/kit/config';
import { serviceFields } from '@holdfast/kit/service-config';
import { WRITE_TIMEOUT_MS } from './shards/shard.ts';

/** The only file here that reads the environment. */
export const config = readConfig('transactions', {
  ...serviceFields,
  /** Leaders of the ledger's shards; the first is shard 0. */
  ledgerShards: addressList('LEDGER_SHARDS', 'ledger0.postgres:5433,ledger1.postgres:5434'),
  kafkaBrokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  /** Batches of one shard under way at a time, and the most transfers in one. */
  postingLanes: integer('POSTING_LANES', 2, { min: 1, max: 8 }),
  postingBatchMax: integer('POSTING_BATCH_MAX', 200, { min: 1, max: 1000 }),
  /** How long a write may wait for the synchronous replica before its client is told to ask again. */
  writeTimeoutMs: integer('WRITE_TIMEOUT_MS', WRITE_TIMEOUT_MS, { min: 500, max: 20_000 }),
  /** How often the ledger verifies itself (0: only when it is told to), and how long a replica waits with it after its own start. */
  verifyEveryHours: integer('VERIFY_EVERY_HOURS', 24, { min: 0, max: 8_760 }),
  verifyFirstAfterS: integer('VERIFY_FIRST_AFTER_S', 300, { min: 0, max: 86_400 }),
});

export type Config = typeof config;
