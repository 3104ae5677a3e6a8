import { Command } from 'commander';
import { postgresClusters } from '../../components.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { startOneOff } from '../one-off.ts';
import { Progress } from '../progress.ts';

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
const EXIT_NOT_MOVED = 4;

export function shardsCommand(): Command {
  const shards = new Command('shards')
    .description('which part of the ledger is where: buckets, accounts and what is in transit, by shard')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0, or 1 if a shard does not answer.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const rows = await ask<ShardRow>(instance, ['show']);
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
      await exclusively(instance, 'shards move', async () => {
        const result = await new Progress(1).step(`moving ${buckets.length} bucket${buckets.length === 1 ? '' : 's'} to shard ${to}`, async (say) => {
          let pauses_ms = 0;
          const moved = await ask<Moved>(instance, ['move', ...buckets.map(String), to], (one, count) => {
            pauses_ms = Math.max(pauses_ms, one.pause_ms ?? 0);
            say(`bucket ${one.bucket}: ${one.accounts} accounts (${count} of ${buckets.length} buckets, longest pause ${pauses_ms} ms)`);
          });
          return `${moved.length} buckets, ${moved.reduce((sum, { accounts }) => sum + accounts, 0)} accounts, longest pause ${pauses_ms} ms`;
        });
        console.log(`Moved to shard ${to}: ${result}.`);
      });
    });
  return shards;
}

function bucketsOf(wish: string): number[] {
  const [, from = '', to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(wish) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === '' || first > last || last >= BUCKETS) throw new UserError(`"${wish}" names no buckets: they are numbered from 0 to ${BUCKETS - 1}, e.g.  7  or  16-31.`, [], EXIT_USAGE);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** What the ledger answers, a line each, from a container of its own. */
async function ask<Answer>(instance: Instance, args: readonly string[], onAnswer: (answer: Answer, count: number) => void = () => undefined): Promise<Answer[]> {
  const program = startOneOff(instance, 'transactions', 'shards/main.js', args);
  program.input.end();
  const answers: Answer[] = [];
  for await (const line of program.lines) {
    const answer = JSON.parse(line) as Answer;
    answers.push(answer);
    onAnswer(answer, answers.length);
  }
  const { exitCode, said } = await program.ended;
  if (exitCode === EXIT_NOT_MOVED) throw new UserError(`not moved: ${said.replace(/^\| /, '')}.`, ['It is where it was. Try again when there is less to do:  ./holdfast shards move …'], EXIT_NOT_MOVED);
  if (exitCode !== 0) throw new UserError(`the ledger did not answer (status ${exitCode}).\n${said}`, ['Look:  ./holdfast status', 'A move that was begun goes on when it is asked for again.']);
  return answers;
}

/** Asked of the nodes one after the other, as any may be away. */
async function leaderOf(instance: Instance, cluster: string): Promise<string | undefined> {
  const nodes = Object.entries(postgresClusters).find(([name]) => name === cluster)?.[1].nodes ?? [];
  for (const node of nodes) {
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
