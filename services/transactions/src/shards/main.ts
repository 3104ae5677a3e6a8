import { configureLogging } from '@holdfast/kit/logging';
import { Database } from '@holdfast/kit/postgres';
import { SystemAccounts } from '../accounts/system-accounts.ts';
import { config } from '../config.ts';
import { BucketMover, NotMoved } from './move-bucket.ts';
import { Shard } from './shard.ts';
import { describeShard } from './shards.store.ts';

/** Of one step of a move. It may copy many keys; the pause has its own limit. */
const STEP_TIMEOUT_MS = 60_000;
const MOVER_LOCK = 4_706_004;

/**
 * `holdfast shards` in a container of its own, with the service's own certificate: `show`, or `move BUCKET.. SHARD`. Answers are lines of JSON on standard output.
 * Exit status 4: a bucket was not moved and is where it was.
 */
configureLogging({ service: 'transactions', level: 'warn', stream: process.stderr });
const databases = config.ledgerShards.map((address) => new Database({
  address, database: 'ledger', user: 'transactions', directory: config.secretsDirectory, connectionsMax: 4, statementTimeoutMs: STEP_TIMEOUT_MS,
}));
const shards = databases.map((database, number) => new Shard({ number, writes: database, reads: database, answerTimeoutMs: STEP_TIMEOUT_MS }));

async function show(): Promise<void> {
  for (const shard of shards) {
    const told = await describeShard(shard).catch((cause: unknown) => ({ trouble: cause instanceof Error ? cause.message : String(cause) }));
    tell({ shard: shard.number, ...told });
  }
}

/** One mover at a time, by a lock on the first shard: two would each think that what the other does was left undone. */
async function move(buckets: readonly number[], to: number): Promise<void> {
  const [first] = databases;
  if (!first) throw new Error('LEDGER_SHARDS names no shard');
  await first.session(async (connection) => {
    const [lock] = await connection.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [MOVER_LOCK]);
    if (!lock?.taken) throw new NotMoved('buckets are being moved by somebody else at this moment');
    const mover = new BucketMover(shards, new SystemAccounts());
    for (const bucket of buckets) tell(await mover.move(bucket, to));
  });
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}\n`);
}

try {
  const [command, ...numbers] = process.argv.slice(2);
  const [to, ...buckets] = numbers.map(Number).toReversed();
  if (command === 'move' && to !== undefined) await move(buckets.toReversed(), to);
  else await show();
} catch (cause) {
  if (!(cause instanceof NotMoved)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = 4;
} finally {
  await Promise.allSettled(databases.map((database) => database.close()));
}
