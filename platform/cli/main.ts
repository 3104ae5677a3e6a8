import { CommanderError } from 'commander';
import { UserError } from './errors.ts';
import { commandEnds } from './operator-log.ts';
import { createProgram } from './program.ts';

/** Exit status of a command that was called wrongly, as the shell's own builtins have it. */
const EXIT_USAGE = 2;

try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
  await commandEnds(Number(process.exitCode ?? 0));
} catch (error) {
  const exitCode = report(error);
  await commandEnds(exitCode, (error as Error).message);
  // At once: after a failed build its siblings would go on for minutes.
  process.exit(exitCode);
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
