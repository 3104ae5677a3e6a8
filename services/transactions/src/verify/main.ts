import { configureLogging } from '@holdfast/kit/logging';
import { Database } from '@holdfast/kit/postgres';
import { config } from '../config.ts';
import { openShards, VERIFY_QUERY_TIMEOUT_MS } from './connections.ts';
import { verifyAlone } from './verifier.ts';
import { verifyLedger } from './verify-ledger.ts';

/**
 * `holdfast ledger verify` in a container of its own: it needs nothing but the leaders, so that it works when little else does, and takes neither time
 * nor memory from a service that has customers. The result is one line of JSON on standard output; what it is doing goes to standard error.
 */
configureLogging({ service: 'transactions', level: 'warn', stream: process.stderr });
const open = (address: (typeof config.ledgerShards)[number]): Database => new Database({
  address, database: 'ledger', user: 'transactions', directory: config.secretsDirectory, connectionsMax: 2, statementTimeoutMs: VERIFY_QUERY_TIMEOUT_MS,
});
const { shards, databases } = openShards(config.ledgerShards, open);
try {
  const onProgress = (check: string, shard: number | null): void => void process.stderr.write(`${check}${shard === null ? '' : ` of shard ${shard}`}\n`);
  const [results] = databases;
  const verify = () => verifyLedger(shards, { rest: 0, onProgress });
  // With shard 0 away there is nowhere to keep the result; it is told all the same.
  const stored = await verifyAlone(results as Database, verify).catch(() => verify());
  process.stdout.write(`${JSON.stringify(stored ?? { verdict: 'could_not_verify', busy: true, checks: [], duration_ms: 0 })}\n`);
} finally {
  await Promise.allSettled(databases.map((database) => database.close()));
}
