import { Command } from 'commander';
import { components } from '../../components.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';

export function logsCommand(): Command {
  return new Command('logs')
    .description('what the components say')
    .argument('[component]', 'one component; all of them without it')
    .option('-f, --follow', 'go on as new lines come')
    .option('-n, --lines <number>', 'how many of the last lines of each', '100')
    .action(async (component: string | undefined, options: { follow?: true; lines: string }, command: Command) => {
      const instance = await Instance.existing(command);
      if (component !== undefined && !(component in components)) throw new UserError(`there is no component "${component}".`, [`One of: ${Object.keys(components).join(', ')}`], 2);
      if (!/^\d+$/.test(options.lines)) throw new UserError(`--lines ${options.lines}: a whole number is needed.`, [], 2);
      await instance.save();
      const outcome = await instance.tryCompose(['--profile', '*', 'logs', ...(process.stdout.isTTY ? [] : ['--no-color']), ...(component ? ['--no-log-prefix'] : []), '--tail', options.lines, ...(options.follow ? ['--follow'] : []), ...(component ? [component] : [])], { inherit: true });
      process.exitCode = outcome.exitCode;
    });
}
