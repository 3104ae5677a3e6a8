import { once } from 'node:events';
import { Command } from 'commander';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { startOneOff, type OneOff } from '../one-off.ts';
import { Progress } from '../progress.ts';
import { rebuildEvents } from '../rebuild/events.ts';
import { printRestoredLogs, rebuildLogs } from '../rebuild/logs.ts';
import { printSearch, rebuildSearch } from '../rebuild/search.ts';

/** As `services/reporting/src/rebuild/rebuild.ts` has it. */
interface Rebuilt {
  accounts: number;
  lines: number;
  events: number;
  events_of_the_journal: number;
  differences_count: number;
  differences: readonly { kind: string; id: string; why: string }[];
  agreed: number;
}

type Said = { want: string[] } | { result: Rebuilt } | { failure: string; kind: 'busy' | 'disagreement' | 'trouble' };

export function rebuildCommand(): Command {
  const rebuild = new Command('rebuild').description('build what can be built again');
  rebuild
    .command('reporting')
    .description('build the read models anew from all events, prove them against the ledger, and put them in the place of those that are there; everything goes on meanwhile')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nExit status: 0 they are rebuilt and proven, 1 they are as they were.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      await exclusively(instance, 'rebuild', async () => {
        const result = await new Progress(1).step('rebuilding the read models', (say) => rebuildReporting(instance, say));
        if (options.json) console.log(JSON.stringify(result, null, 2));
        else print(result);
      });
    });
  rebuild
    .command('search')
    .description('copy the audit chain into Elasticsearch once more, and read every entry back; what is there stays')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nExit status: 0 every entry is there as the chain has it, 1 it is not.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      await exclusively(instance, 'rebuild', async () => {
        const result = await new Progress(1).step('copying the audit chain', (say) => rebuildSearch(instance, say));
        if (options.json) console.log(JSON.stringify(result, null, 2));
        else printSearch(result);
        process.exitCode = result.differing_count === 0 ? 0 : 1;
      });
    });
  rebuild
    .command('logs')
    .description('bring back from snapshots the log lines that Elasticsearch has lost, then ship once more what Docker still keeps (up to 100 MB a container); nothing is there twice')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nExit status: 0 done, 1 a snapshot could not be read (what Docker keeps is shipped all the same).')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      await exclusively(instance, 'rebuild', async () => {
        const restored = await new Progress(1).step('bringing log lines back', (say) => rebuildLogs(instance, say));
        if (options.json) console.log(JSON.stringify(restored, null, 2));
        else printRestoredLogs(restored);
      });
    });
  rebuild
    .command('events')
    .description('throw away what Kafka holds, and fill it anew from the journals; money moves on meanwhile')
    .option('--yes', 'do not ask: what Kafka holds is gone')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nEvents of refusals at the gateway have no journal: those that the audit had not read are lost.\nExit status: 0 all events are in Kafka, 1 something to mend (the message says what).')
    .action(async (options: { yes?: true; json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      if (!options.yes) throw new UserError('this throws away what Kafka holds.', ['If you mean it:  ./holdfast rebuild events --yes', 'Nothing was changed.'], 2);
      await exclusively(instance, 'rebuild', async () => {
        const result = await new Progress(1).step('filling Kafka from the journals', (say) => rebuildEvents(instance, say));
        if (options.json) console.log(JSON.stringify(result, null, 2));
        else for (const { topic, cluster, events } of result.streams) console.log(`${topic} of ${cluster}: all ${events} events are in Kafka.`);
      });
    });
  return rebuild;
}

export async function rebuildReporting(instance: Instance, say: (detail: string) => void): Promise<Rebuilt> {
  const program = startOneOff(instance, 'reporting', 'rebuild/main.js', [], (line) => { if (!line.startsWith('{')) say(line); });
  let last: Said | undefined;
  for await (const line of program.lines) {
    last = JSON.parse(line) as Said;
    if ('want' in last) await answerFromLedger(instance, program, last.want);
    else program.input.end();
  }
  const { exitCode, said } = await program.ended;
  if (last && 'result' in last) return last.result;
  const why = last && 'failure' in last ? last.failure : `the program ended with status ${exitCode}.\n${said}`;
  throw new UserError(`the read models were not rebuilt, and are as they were: ${why}`, last && 'kind' in last && last.kind === 'disagreement'
    ? ['Verify the ledger:  ./holdfast ledger verify'] : ['Look:       ./holdfast status', 'Try again:  ./holdfast rebuild reporting']);
}

/** Lets the ledger's own program tell what the other one wants to know, and passes it on. */
async function answerFromLedger(instance: Instance, asker: OneOff, want: readonly string[]): Promise<void> {
  const ledger = startOneOff(instance, 'transactions', 'journal/main.js', want);
  ledger.input.end();
  for await (const chunk of ledger.output) if (!asker.input.write(chunk)) await Promise.race([once(asker.input, 'drain'), asker.ended]);
  const { exitCode } = await ledger.ended;
  asker.input.write(`${JSON.stringify({ end: exitCode })}\n`);
}

function print(result: Rebuilt): void {
  for (const { kind, id, why } of result.differences) console.log(`  ${kind} ${id}: ${why}`);
  if (result.differences_count > result.differences.length) console.log(`  and ${result.differences_count - result.differences.length} more`);
  console.log(`${result.accounts} accounts and ${result.lines} statement lines rebuilt from ${result.events} events (${result.events_of_the_journal} from the ledger's journal); ${result.agreed} accounts agree with the ledger.`);
  console.log(result.differences_count === 0 ? 'Those that were there were the same.' : `Those that were there differed in ${result.differences_count} places, which are healed.`);
}
