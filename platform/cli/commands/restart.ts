import { Command } from 'commander';
import { components } from '../../components.ts';
import { containersOf, waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';
import { refuseUnfinishedRestore } from '../restore/undertaking.ts';

/** Keycloak and Elasticsearch take the longest to start: 60 s on two cores that are idle, several times as much on busy ones. */
const HEALTHY_BUDGET_SECONDS = 300;

export function restartCommand(): Command {
  return new Command('restart')
    .description('start one component again and wait until it is healthy; what was stopped is started')
    .argument('[component]')
    .option('--ill', 'every component that does not run or is not healthy')
    .addHelpText('after', '\nExit status: 0 healthy, 1 not in time, 2 wrong arguments.')
    .action(async (component: string | undefined, options: { ill?: true }, command: Command) => {
      if ((component === undefined) === (options.ill === undefined)) throw new UserError('which component?', ['One:            ./holdfast restart redis', 'Whatever is ill: ./holdfast restart --ill'], 2);
      if (component !== undefined && !(component in components)) throw new UserError(`there is no component "${component}".`, [`One of: ${Object.keys(components).join(', ')}`], 2);
      const instance = await Instance.existing(command);
      await exclusively(instance, 'restart', () => startAgain(instance, component));
    });
}

async function startAgain(instance: Instance, component: string | undefined): Promise<void> {
  const containers = await containersOf(instance);
  const known = new Set(containers.map(({ service }) => service));
  if (known.size === 0) throw new UserError(`instance "${instance.name}" is not running.`, ['Start it:  ./holdfast up']);
  const ill = new Set(containers.filter(({ health }) => health !== 'healthy' && health !== 'starting').map(({ service }) => service));
  const services = component === undefined ? [...ill] : [component];
  if (services.length === 0) console.log('Every component runs and is healthy: nothing to start again.');
  // Between two steps of a restore a node may have no database, and would make an empty one.
  const nodes = new Set(Object.values(instance.clusters).flatMap((cluster) => cluster.nodes));
  if (services.some((service) => nodes.has(service))) await refuseUnfinishedRestore(instance);
  const progress = new Progress(Math.max(services.length, 1));
  for (const service of services) {
    await progress.step(service, async (say) => {
      const count = instance.settings.replicas[service];
      // `restart` starts what is stopped as well; a container that was removed has to be made.
      if (known.has(service)) await instance.compose(['restart', '--timeout', '20', service]);
      else await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', ...(count ? ['--scale', `${service}=${count}`] : []), service]);
      await waitUntilHealthy(instance, [service], HEALTHY_BUDGET_SECONDS, say);
    });
  }
}
