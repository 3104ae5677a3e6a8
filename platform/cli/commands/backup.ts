import { Command, Option } from 'commander';
import type { BackupType } from '../../../backups/schedule.ts';
import { askScheduler, days, duration, share, showBackups, size, type Answer, type Shown } from '../backups/scheduler.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { plain, Progress } from '../progress.ts';

const TYPES: Record<string, BackupType> = { full: 'full', diff: 'differential', incr: 'incremental' };

export function backupCommand(): Command {
  return new Command('backup')
    .description('take a backup now, beside those that the schedule takes')
    .addOption(new Option('--type <type>', 'everything, what changed since the last full, or since the last backup').choices(Object.keys(TYPES)).default('incr'))
    .option('--cluster <name>', 'only of one: core, ledger0, ledger1, …')
    .option('--logs', 'a snapshot of the log lines in Elasticsearch instead')
    .option('--json', 'what was taken, for programs')
    .addHelpText('after', '\nCtrl-C ends the command; a backup that has begun goes on. A cluster without a full backup gets one, whatever the type.\nExit status: 0 taken, 1 something failed, 4 a backup of that cluster is being taken already.')
    .action(async (options: { type: string; cluster?: string; logs?: true; json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      if (options.logs) return takeLogs(instance, options.json === true);
      const clusters = clustersNamed(instance, options.cluster);
      const { repositories, running } = await showBackups(instance);
      // All of them or none: half of what was asked for would have to be explained.
      const busy = clusters.find((cluster) => running[cluster]);
      if (busy) throw new UserError(`a backup of ${busy} is being taken${share(running[busy] ?? { done_bytes: 0, of_bytes: 0 })}. Nothing was begun.`, ['Watch it:  ./holdfast backups'], 4);
      const places = repositories.flatMap(({ key }) => clusters.map((cluster) => ({ cluster, key })));
      const progress = new Progress(places.length);
      const taken: Shown['backups'] = [];
      for (const { cluster, key } of places) {
        const label = `${options.type} backup of ${cluster}${repositories.length > 1 ? ` to repository ${key}` : ''}`;
        taken.push(await progress.step(label, (say) => take(instance, TYPES[options.type] ?? 'incremental', cluster, key, say)));
      }
      if (options.json) console.log(JSON.stringify(taken, null, 2));
      else for (const one of taken) plain(`${one.cluster}  ${one.label}  ${size(one.size_bytes)} of database, ${size(one.stored_bytes)} stored, ${duration((Date.parse(one.endedAt) - Date.parse(one.startedAt)) / 1000)}`);
    });
}

async function take(instance: Instance, type: BackupType, cluster: string, repository: number, say: (detail: string) => void): Promise<Shown['backups'][number]> {
  const answers = await askScheduler<Answer>(instance, ['backup', type, cluster, String(repository)], ({ progress }) => { if (progress) say(share(progress).trim()); });
  const taken = answers.findLast((answer) => answer.taken)?.taken;
  if (!taken) throw new UserError(`the backup of ${cluster} left nothing in the repository.`, ['Look:  ./holdfast logs backup-scheduler']);
  return taken;
}

async function takeLogs(instance: Instance, json: boolean): Promise<void> {
  const [answer] = await new Progress(1).step('snapshot of the log lines', () => askScheduler<Answer>(instance, ['snapshot-logs']));
  if (!answer?.snapshot) throw new UserError('the snapshot of the log lines left nothing.', ['Look:  ./holdfast logs backup-scheduler']);
  if (json) console.log(JSON.stringify(answer.snapshot, null, 2));
  else plain(`${answer.snapshot.name}  ${days(answer.snapshot.indices.length)} of log lines`);
}

/** One, or all of them. */
export function clustersNamed(instance: Instance, name: string | undefined): string[] {
  const all = Object.keys(instance.clusters);
  if (name === undefined) return all;
  if (!all.includes(name)) throw new UserError(`there is no cluster "${name}".`, [`One of: ${all.join(', ')}`], 2);
  return [name];
}
