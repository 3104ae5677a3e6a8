import { Command, CommanderError } from 'commander';
import { UserError } from './errors.ts';
import { bundleCommand } from './commands/bundle.ts';
import { credentialsCommand } from './commands/credentials.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { downCommand } from './commands/down.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { logsCommand } from './commands/logs.ts';
import { releaseCommand } from './commands/release.ts';
import { scaleCommand } from './commands/scale.ts';
import { statusCommand } from './commands/status.ts';
import { testCommand } from './commands/test.ts';
import { upCommand } from './commands/up.ts';
import { urlsCommand } from './commands/urls.ts';

const program = new Command('holdfast')
  .description('Runs Holdfast on this machine: one command up, and it proves that it works.')
  .option('--instance <name>', 'which installation on this machine', process.env.HOLDFAST_INSTANCE ?? 'holdfast')
  .version(process.env.HOLDFAST_VERSION ?? 'development', '--version')
  .showHelpAfterError('Run ./holdfast help to see the commands.')
  .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
  .exitOverride();

for (const make of [upCommand, downCommand, statusCommand, urlsCommand, credentialsCommand, logsCommand, scaleCommand, doctorCommand, demoCommand, ledgerCommand, testCommand, bundleCommand, releaseCommand]) {
  program.addCommand(make().exitOverride());
}

/** Exit status of a command that was called wrongly, as the shell's own builtins have it. */
const EXIT_USAGE = 2;

try {
  await program.parseAsync();
} catch (error) {
  // At once: after a failed build its siblings would go on for minutes.
  process.exit(report(error));
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof UserError) {
    console.error(`holdfast: ${error.message}`);
    for (const line of error.next) console.error(`  ${line}`);
    return error.exitCode;
  }
  console.error(error);
  console.error('holdfast: this is a defect in Holdfast itself; the state on disk is as the last finished step left it.');
  return 70;
}
