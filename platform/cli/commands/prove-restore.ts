import { Command } from 'commander';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Proof } from '../../../backups/proof/result.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { Progress } from '../progress.ts';

const EXIT = { passed: 0, failed: 1, could_not_verify: 3 } as const;
const SIGN = { passed: '●', failed: '✗', could_not_verify: '○' } as const;

export function proveRestoreCommand(): Command {
  return new Command('prove-restore')
    .description('restore the latest backup and a random second of the last day where nobody sees it, and look whether all is there (also by itself, daily)')
    .option('--json', 'the result for programs')
    .addHelpText('after', '\nThe container that does it has no network; when it is done, what it restored is gone.\nExit status: 0 proven, 1 something is wrong, 3 something could not be looked at.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const proof = await new Progress(1).step('proving that the backups can be restored', (say) => prove(instance, say));
      if (options.json) console.log(JSON.stringify(proof, null, 2));
      else print(proof);
      process.exitCode = EXIT[proof.verdict];
    });
}

async function prove(instance: Instance, say: (detail: string) => void): Promise<Proof> {
  const { command, environment } = instance.composeCommand(['exec', '-T', 'restore-proof', 'node', '--disable-warning=ExperimentalWarning', '/app/backups/proof/main.ts', 'now']);
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn('docker', command, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  let said = '';
  let output = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    said = line;
    say(line);
  });
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  if (exitCode !== 0) throw new UserError(`could not verify: ${said || `status ${exitCode}`}.`, ['Is it there?  ./holdfast status', 'Look:         ./holdfast logs restore-proof'], EXIT.could_not_verify);
  return JSON.parse(output) as Proof;
}

function print({ verdict, points, rpo_seconds, rto_seconds, trouble }: Proof): void {
  for (const { point, at, seconds, checks } of points) {
    console.log(`${point === 'latest' ? 'The latest moment' : 'A random second'}, ${at} (restored in ${seconds} s)`);
    for (const { check, verdict: one, seen } of checks) console.log(`${SIGN[one]} ${check.replaceAll('_', ' ').padEnd(30)}  ${one === 'could_not_verify' ? 'could not verify: ' : ''}${seen}`);
  }
  if (trouble !== null) console.log(`${SIGN.could_not_verify} could not verify: ${trouble}`);
  const figures = [...(rpo_seconds === null ? [] : [`RPO ${rpo_seconds.toFixed(0)} s`]), ...(rto_seconds === null ? [] : [`RTO ${rto_seconds.toFixed(0)} s`])];
  console.log(`\n${verdict === 'passed' ? 'proven' : verdict.replaceAll('_', ' ')}${figures.length > 0 ? `: ${figures.join(', ')}` : ''}`);
}
