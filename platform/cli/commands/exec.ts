import { Command } from 'commander';
import { components } from '../../components.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';

export function execCommand(): Command {
  return new Command('exec')
    .description('run a program inside the container of a component, as the component')
    .argument('<component>')
    .argument('<program...>', 'the program and its arguments; behind -- if these begin with a dash')
    .addHelpText('after', '\nExample: ./holdfast exec core-a -- patronictl -c /run/patroni/patroni.yml list\nExit status: that of the program.')
    .action(async (component: string, program: string[], _options: object, command: Command) => {
      const instance = await Instance.existing(command);
      if (!(component in components)) throw new UserError(`there is no component "${component}".`, [`One of: ${Object.keys(components).join(', ')}`], 2);
      const { exitCode } = await instance.tryCompose(['exec', ...(process.stdin.isTTY ? [] : ['-T']), component, ...program], { inherit: true });
      process.exitCode = exitCode;
    });
}
