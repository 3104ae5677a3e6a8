import { Command } from 'commander';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { startOneOff } from '../one-off.ts';
import { Progress } from '../progress.ts';

/** As `services/transactions/src/verify/checks.ts` has it. */
export interface Verification {
  verdict: 'passed' | 'failed' | 'could_not_verify';
  /** Another verification was under way. */
  busy?: true;
  duration_ms: number;
  checks: readonly {
    check: string; shard: number | null; verdict: Verification['verdict']; looked_at: number; findings_count: number; findings: readonly string[]; trouble: string | null;
  }[];
}

const EXIT = { passed: 0, failed: 1, could_not_verify: 3 } as const;

export function ledgerCommand(): Command {
  const ledger = new Command('ledger').description('what the ledger says of itself');
  ledger
    .command('verify')
    .description('compute every balance again from its entries, and check the ledger against itself, its events and its other shards')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nExit status: 0 passed, 1 something was found, 3 something could not be looked at.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const verification = await new Progress(1).step('verifying the ledger', (say) => verify(instance, say));
      if (options.json) console.log(JSON.stringify(verification, null, 2));
      else print(verification);
      process.exitCode = EXIT[verification.verdict];
    });
  return ledger;
}

/** Runs the verification program of the ledger. Throws where it could not be run. */
export async function verify(instance: Instance, say: (detail: string) => void): Promise<Verification> {
  // A line of the service's log is for its own readers.
  const program = startOneOff(instance, 'transactions', 'verify/main.js', [], (line) => { if (!line.startsWith('{')) say(line); });
  program.input.end();
  let result: Verification | undefined;
  for await (const line of program.lines) result = JSON.parse(line) as Verification;
  const { exitCode, said } = await program.ended;
  if (!result) throw new UserError(`could not verify: the verifier ended with status ${exitCode} and no result.\n${said}`, ['Look:  ./holdfast status'], EXIT.could_not_verify);
  if (result.busy) throw new UserError('could not verify: another verification is under way.', ['Try again in a while, or look at the metrics:  ledger_verify_findings'], EXIT.could_not_verify);
  return result;
}

function print({ verdict, duration_ms, checks }: Verification): void {
  const width = Math.max(...checks.map(({ check }) => check.length));
  for (const one of checks) {
    const where = one.shard === null ? 'all shards' : `shard ${one.shard}`;
    const looked = one.looked_at > 0 ? `${one.looked_at} rows` : '';
    console.log(`${SIGN[one.verdict]} ${one.check.padEnd(width)}  ${where.padEnd(10)}  ${one.verdict.replaceAll('_', ' ').padEnd(16)}  ${looked}`.trimEnd());
    for (const finding of one.findings) console.log(`    ${finding}`);
    if (one.findings_count > one.findings.length) console.log(`    and ${one.findings_count - one.findings.length} more`);
    if (one.trouble !== null) console.log(`    could not verify: ${one.trouble}`);
  }
  const found = checks.reduce((sum, { findings_count }) => sum + findings_count, 0);
  const blind = checks.filter(({ trouble }) => trouble !== null).length;
  console.log(`\n${verdict.replaceAll('_', ' ')}: ${found} findings, ${blind} of ${checks.length} checks could not be made (${(duration_ms / 1000).toFixed(1)} s)`);
}

const SIGN = { passed: '●', failed: '✗', could_not_verify: '○' } as const;
