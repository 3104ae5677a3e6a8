import { configureLogging } from '@holdfast/kit/logging';
import { Database } from '@holdfast/kit/postgres';
import { once } from 'node:events';
import { config } from '../config.ts';
import { readEpochs, readEvents, readHeads } from './journal.store.ts';

/**
 * The ledger's own books, to standard output, a line of JSON each, for `holdfast rebuild`. Nobody else may read them: so it is this service's own program, with
 * its own certificate, that hands them to whoever has the machine.
 *
 * epochs                     [shard, [[epoch, last sequence], ...]] of every shard
 * events SHARD AFTER TO      events, from the outbox, which keeps them all
 * heads                      [account, version, balance] of every account of every shard
 */
const PAGE = 2_000;
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

configureLogging({ service: 'transactions', level: 'warn', stream: process.stderr });
const shards = config.ledgerShards.map((address) => new Database({
  address, database: 'ledger', user: 'transactions', directory: config.secretsDirectory, connectionsMax: 1, statementTimeoutMs: 60_000,
}));

async function tell(lines: readonly unknown[]): Promise<void> {
  if (lines.length > 0 && !process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))) await once(process.stdout, 'drain');
}

async function tellEvents(shard: Database, after: bigint, to: bigint): Promise<void> {
  for (;;) {
    const events = await readEvents(shard, after, to, PAGE);
    await tell(events);
    const last = events.at(-1);
    if (!last || events.length < PAGE) return;
    after = BigInt(last.sequence);
  }
}

async function tellHeads(shard: Database): Promise<void> {
  for (let after = LOWEST_ID; ;) {
    const heads = await readHeads(shard, after, PAGE);
    await tell(heads.map(({ id, version, balance_minor }) => [id, version.toString(), balance_minor.toString()]));
    const last = heads.at(-1);
    if (!last || heads.length < PAGE) return;
    after = last.id;
  }
}

try {
  const [what, ...args] = process.argv.slice(2);
  if (what === 'epochs') await tell(await Promise.all(shards.map(async (shard, number) => [number, (await readEpochs(shard)).map(({ epoch, sequence }) => [epoch, sequence.toString()])])));
  else if (what === 'heads') for (const shard of shards) await tellHeads(shard);
  else if (what === 'events') {
    const shard = shards[Number(args[0])];
    if (!shard) throw new Error(`there is no shard ${args[0]}`);
    await tellEvents(shard, BigInt(args[1] ?? 0), BigInt(args[2] ?? 0));
  } else throw new Error(`${what ?? 'nothing'} is not to be had here`);
} finally {
  await Promise.allSettled(shards.map((shard) => shard.close()));
}
