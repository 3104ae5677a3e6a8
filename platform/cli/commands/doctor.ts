import { Command } from 'commander';
import { Instance } from '../instance.ts';
import { preflight } from '../preflight/checks.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('look at everything that could stop Holdfast on this machine; each finding names the command that mends it')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 nothing stops Holdfast, 1 something does.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.named(command);
      const findings = await preflight(instance);
      process.exitCode = findings.some(({ verdict }) => verdict === 'error') ? 1 : 0;
      if (options.json) {
        console.log(JSON.stringify(findings, null, 2));
        return;
      }
      const signs = { ok: 'ok   ', warning: 'note ', error: 'ERROR' };
      for (const { verdict, check, message, mend } of findings) {
        console.log(`${signs[verdict]} ${check.padEnd(16)} ${message}`);
        for (const line of mend) console.log(`        ${line}`);
      }
    });
}
