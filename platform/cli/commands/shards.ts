import { Command } from 'commander';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';
import { addShard, finishAdding } from '../shards/add-shard.ts';
import { askLedger } from '../shards/ask-ledger.ts';
import { bucketsToMove } from '../shards/buckets-to-move.ts';

/** As `services/transactions/src/shards/shards.store.ts` has it; numbers of any size are strings. */
interface ShardRow {
  shard: number;
  buckets?: number;
  version?: string;
  accounts?: string;
  in_transit?: Record<string, string>;
  under_way?: string;
  /** Why it tells nothing. */
  trouble?: string;
}

interface Moved {
  bucket: number;
  from: number;
  to: number;
  accounts: number;
  pause_ms: number | null;
}

const BUCKETS = 1024;
const EXIT_USAGE = 2;

export function shardsCommand(): Command {
  const shards = new Command('shards')
    .description('which part of the ledger is where: buckets, accounts and what is in transit, by shard')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0, or 1 if a shard does not answer.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const rows = await askLedger<ShardRow>(instance, ['show']);
      const leaders = await Promise.all(rows.map(({ shard }) => leaderOf(instance, `ledger${shard}`)));
      const told = rows.map((row, index) => ({ ...row, leader: leaders[index] ?? null }));
      if (options.json) console.log(JSON.stringify(told, null, 2));
      else for (const row of told) console.log(lineOf(row));
      process.exitCode = rows.some(({ trouble }) => trouble !== undefined) ? 1 : 0;
    });
  shards
    .command('move')
    .description('move buckets to another shard while transfers go on; each pauses for less than a second')
    .argument('<bucket...>', 'numbers and ranges, e.g. 7 16-31')
    .requiredOption('--to <shard>', 'the number of the shard that takes them')
    .addHelpText('after', '\nInterrupted, run it again: it goes on where it stopped.\nExit status: 0 all are there, 1 something failed, 4 one was too busy to move in time; it and those after it are where they were.')
    .action(async (wishes: string[], { to }: { to: string }, command: Command) => {
      const buckets = wishes.flatMap(bucketsOf);
      if (!/^\d{1,3}$/.test(to)) throw new UserError(`"${to}" is not the number of a shard.`, ['Look:  ./holdfast shards'], EXIT_USAGE);
      const instance = await Instance.existing(command);
      await exclusively(instance, 'shards move', async () => console.log(`Moved to shard ${to}: ${await move(instance, buckets, Number(to))}.`));
    });
  shards
    .command('add')
    .description('join a new Postgres cluster to the running platform as the next shard, while transfers go on')
    .option('--move <buckets>', `then move buckets to it, as many as it is to have, from all others alike (of ${BUCKETS})`)
    .option('--json', 'the result for programs')
    .addHelpText('after', `
A shard is two more Postgres nodes: 512 MiB of memory, and disk of its own. It cannot be taken away again.
Interrupted, run it again: it goes on where it stopped.
Exit status: 0 it has joined (and has its buckets), 1 something to mend (the message says what), 2 wrong arguments, 4 it has joined, and a bucket was too busy to move.`)
    .action(async (_options: object, command: Command) => {
      // --json is one of `shards`, too, which then keeps it.
      const options = command.optsWithGlobals<{ move?: string; json?: true }>();
      const wanted = options.move === undefined ? 0 : countOf(options.move);
      const instance = await Instance.existing(command);
      await exclusively(instance, 'shards add', async () => {
        const { shard, cluster, seconds } = await addShard(instance);
        const buckets = wanted === 0 ? [] : bucketsToMove(await bucketsByShard(instance), shard, wanted);
        const moved = buckets.length === 0 ? undefined : await move(instance, buckets, shard);
        await finishAdding(instance);
        if (options.json) console.log(JSON.stringify({ shard, cluster, buckets_moved: buckets.length }, null, 2));
        else console.log(`Shard ${shard} has joined (${cluster}, ${seconds}). ${moved === undefined ? `It holds no buckets yet; give it some:  ./holdfast shards move 0-99 --to ${shard}` : `Moved to it: ${moved}.`}`);
      });
    });
  return shards;
}

/** Moves buckets one after the other, and says how it went. */
async function move(instance: Instance, buckets: readonly number[], to: number): Promise<string> {
  return new Progress(1).step(`moving ${buckets.length} bucket${buckets.length === 1 ? '' : 's'} to shard ${to}`, async (say) => {
    let pauses_ms = 0;
    const moved = await askLedger<Moved>(instance, ['move', ...buckets.map(String), String(to)], (one, count) => {
      pauses_ms = Math.max(pauses_ms, one.pause_ms ?? 0);
      say(`bucket ${one.bucket}: ${one.accounts} accounts (${count} of ${buckets.length} buckets, longest pause ${pauses_ms} ms)`);
    });
    return `${moved.length} buckets, ${moved.reduce((sum, { accounts }) => sum + accounts, 0)} accounts, longest pause ${pauses_ms} ms`;
  });
}

async function bucketsByShard(instance: Instance): Promise<ReadonlyMap<number, readonly number[]>> {
  const rows = await askLedger<{ shard: number; buckets: number[] }>(instance, ['map']);
  return new Map(rows.map(({ shard, buckets }) => [shard, buckets]));
}

function countOf(text: string): number {
  const count = Number(text);
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > BUCKETS) throw new UserError(`"${text}" is no number of buckets: there are ${BUCKETS}, and a shard may have 1 to all of them.`, [], EXIT_USAGE);
  return count;
}

function bucketsOf(wish: string): number[] {
  const [, from = '', to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(wish) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === '' || first > last || last >= BUCKETS) throw new UserError(`"${wish}" names no buckets: they are numbered from 0 to ${BUCKETS - 1}, e.g.  7  or  16-31.`, [], EXIT_USAGE);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Asked of the nodes one after the other, as any may be away. */
async function leaderOf(instance: Instance, cluster: string): Promise<string | undefined> {
  for (const node of instance.clusters[cluster]?.nodes ?? []) {
    const { exitCode, stdout } = await instance.tryCompose(['exec', '-T', node, 'patronictl', 'list', '-f', 'json']);
    if (exitCode !== 0) continue;
    const members = JSON.parse(stdout) as { Member: string; Role: string }[];
    return members.find(({ Role }) => Role === 'Leader')?.Member;
  }
  return undefined;
}

function lineOf(row: ShardRow & { leader: string | null }): string {
  const name = `shard ${row.shard}`;
  if (row.trouble !== undefined) return `○ ${name}  leader ${row.leader ?? 'none'}  does not answer: ${row.trouble}`;
  const transit = Object.entries(row.in_transit ?? {}).map(([currency, amount]) => `${amount} ${currency}`).join(', ');
  return `● ${name}  leader ${row.leader ?? 'none'}  ${String(row.buckets).padStart(4)} buckets  map version ${row.version}  ${row.accounts} accounts  ${row.under_way} transfers under way${
    transit === '' ? '' : `  in transit ${transit}`}`;
}
