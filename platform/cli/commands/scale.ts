import { Command } from 'commander';
import { nestServices } from '../../components.ts';
import { waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';

const REPLICAS_MAX = 8;
const READY_BUDGET_SECONDS = 90;

export function scaleCommand(): Command {
  return new Command('scale')
    .description('set how many replicas of a service run, e.g. transactions=2; the gateway balances over them')
    .argument('<service=N>')
    .action(async (wish: string, _options: object, command: Command) => {
      const [service = '', text = ''] = wish.split('=');
      const count = Number(text);
      if (!nestServices.includes(service)) throw new UserError(`"${service}" cannot be scaled.`, [`One of: ${nestServices.join(', ')}, e.g.  ./holdfast scale transactions=2`], 2);
      if (!/^\d+$/.test(text) || count < 1 || count > REPLICAS_MAX) throw new UserError(`"${text}" replicas: a whole number from 1 to ${REPLICAS_MAX} is needed.`, [], 2);
      const instance = await Instance.existing(command);
      await exclusively(instance, 'scale', async () => {
        instance.settings.replicas[service] = count;
        await instance.save();
        await new Progress(1).step(`${service}: ${count} replica${count === 1 ? '' : 's'}`, async (say) => {
          await instance.compose(['up', '-d', '--no-deps', '--no-build', '--no-recreate', '--scale', `${service}=${count}`, service]);
          await waitUntilHealthy(instance, [service], READY_BUDGET_SECONDS, say);
        });
      });
    });
}
