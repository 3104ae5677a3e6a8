import { Command } from 'commander';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { nestServices } from '../../components.ts';
import { containersOf } from '../containers.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { plain, Progress } from '../progress.ts';

export function downCommand(): Command {
  return new Command('down')
    .description('stop everything; data, secrets and settings stay')
    .option('--purge', 'also delete all data, backups, secrets and certificates of this instance')
    .option('--yes', 'do not ask (needed for --purge without a terminal)')
    .action(async (options: { purge?: true; yes?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      if (options.purge) await confirmPurge(instance, options.yes === true);
      await exclusively(instance, 'down', () => takeDown(instance, options.purge === true));
    });
}

/**
 * In this order nothing waits for what is gone already: who asks before who answers, the shipper after all whose last lines it
 * reads, and etcd last, since a Postgres node that has lost it needs its whole grace period to stop cleanly. Until its end a node archives, and so the repository
 * outlives it.
 */
const LAST = [['logs', 'elasticsearch'], ['pgbackrest', 'etcd']];

export async function takeDown(instance: Instance, purge: boolean): Promise<void> {
  const progress = new Progress(1);
  await instance.save();
  await progress.step(purge ? 'stopping and deleting everything' : 'stopping', async (say) => {
    // What is to be deleted needs no clean end.
    if (!purge) await stopInOrder(instance, say);
    await instance.compose(['--profile', '*', 'down', '--remove-orphans', ...(purge ? ['--volumes', '--timeout', '1'] : [])]);
  });
  if (purge) await rm(instance.directory, { recursive: true, force: true });
  else plain('Data, secrets and settings are kept. Go on with:  ./holdfast up');
}

/** Whatever version runs: containers are stopped, and stay. */
export async function stopInOrder(instance: Instance, say: (detail: string) => void): Promise<void> {
  const services = [...new Set((await containersOf(instance)).map(({ service }) => service))];
  const asks = services.filter((service) => nestServices.includes(service) || service === 'edge');
  const stores = services.filter((service) => !asks.includes(service) && !LAST.flat().includes(service));
  for (const stage of [asks, stores, ...LAST]) {
    const present = stage.filter((service) => services.includes(service));
    say(present.join(', '));
    if (present.length > 0) await instance.compose(['--profile', '*', 'stop', ...present]);
  }
}

async function confirmPurge(instance: Instance, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new UserError(`--purge deletes all data of "${instance.name}" and cannot ask here, without a terminal.`, [`If you mean it:  ./holdfast down --purge --yes`, 'Nothing was changed.']);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`This deletes every account, every backup and every secret of "${instance.name}". Type its name to go on: `);
  terminal.close();
  if (answer.trim() !== instance.name) throw new UserError('nothing was deleted.');
}
