import { configureLogging } from '@holdfast/kit/logging';
import { Database, underLock } from '@holdfast/kit/postgres';
import { SystemAccounts } from '../accounts/system-accounts.ts';
import { config } from '../config.ts';
import { joinShard } from './join-shard.ts';
import { BucketMover, NotMoved } from './move-bucket.ts';
import { Shard } from './shard.ts';
import { describeShard, readShardMap } from './shards.store.ts';

/** Of one step of a move. It may copy many keys; the pause has its own limit. */
const STEP_TIMEOUT_MS = 60_000;
const MOVER_LOCK = 4_706_004;

/**
 * `holdfast shards` in a container of its own, with the service's own certificate. Answers are lines of JSON on standard output.
 *
 * show                  what each shard says of itself
 * map                   which buckets each shard has
 * join SHARD            tells a shard that is new where the buckets are
 * move BUCKET.. SHARD   moves buckets to a shard
 *
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
  const moved = await first.session((connection) => underLock(connection, [MOVER_LOCK], async () => {
    const mover = new BucketMover(shards, new SystemAccounts());
    for (const bucket of buckets) tell(await mover.move(bucket, to));
    return true;
  }));
  if (!moved) throw new NotMoved('buckets are being moved by somebody else at this moment');
}

async function showMap(): Promise<void> {
  for (const shard of shards) {
    const own = (await readShardMap(shard)).filter((line) => line.shard === shard.number);
    tell({ shard: shard.number, buckets: own.map(({ bucket }) => bucket).sort((one, other) => one - other) });
  }
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}\n`);
}

try {
  const [command, ...numbers] = process.argv.slice(2);
  const [to, ...buckets] = numbers.map(Number).toReversed();
  if (command === 'move' && to !== undefined) await move(buckets.toReversed(), to);
  else if (command === 'join' && to !== undefined) tell({ shard: to, news: await joinShard(shards, to) });
  else if (command === 'map') await showMap();
  else await show();
} catch (cause) {
  if (!(cause instanceof NotMoved)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = 4;
} finally {
  await Promise.allSettled(databases.map((database) => database.close()));
}
