import { Command, Option } from 'commander';
import { askLeader, rpo_seconds } from '../backups/rpo.ts';
import { askScheduler, days, duration, share, showBackups, size, type Answer, type Shown, type Verified } from '../backups/scheduler.ts';
import { nameOf } from '../backups/configure.ts';
import { addRepository, removeRepository, repositoryFrom, type RepositoryOptions } from '../backups/second-repository.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { plain, Progress } from '../progress.ts';
import { clustersNamed } from './backup.ts';

const SHORT = { full: 'full', differential: 'diff', incremental: 'incr' } as const;

export function backupsCommand(): Command {
  const backups = new Command('backups')
    .description('which backups there are, how old, how large, whether they are intact, and what would be lost now')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0, or 1 if one is damaged, the last is too old, or the clusters\' WAL does not arrive.')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const shown = await showBackups(instance);
      const state = await stateOf(instance, shown);
      if (options.json) console.log(JSON.stringify({ ...shown, ...state }, null, 2));
      else print(shown, state);
      process.exitCode = state.troubles.length > 0 ? 1 : 0;
    });
  backups.addCommand(verifyCommand());
  backups.addCommand(removeCommand());
  backups.addCommand(addRepositoryCommand());
  backups.addCommand(removeRepositoryCommand());
  for (const command of backups.commands) command.exitOverride();
  return backups;
}

interface State {
  /** By cluster: what would be lost with this machine now, at most; null where there is nothing to go by. */
  rpo_seconds: Record<string, number | null>;
  shares_disk: boolean;
  troubles: string[];
}

/** A segment that waits longer than this is not merely on its way. */
const RPO_LIMIT_SECONDS = 180;

async function stateOf(instance: Instance, shown: Shown): Promise<State> {
  const now = Date.parse(shown.at);
  const rpo: State['rpo_seconds'] = {};
  for (const cluster of shown.clusters) {
    const arrived = shown.wal.filter((one) => one.cluster === cluster).map(({ arrivedAt }) => Date.parse(arrivedAt));
    const seconds = rpo_seconds(arrived.length > 0 ? (now - Math.max(...arrived)) / 1000 : undefined, await askLeader(instance, cluster));
    rpo[cluster] = seconds === undefined ? null : Math.round(seconds);
  }
  const troubles = [
    ...shown.backups.filter(({ state }) => state === 'damaged').map(({ cluster, label }) => `${label} of ${cluster} is damaged`),
    ...shown.verifications.filter(({ errors, damaged }) => errors > 0 && damaged.length === 0).map(({ cluster, errors }) => `${errors} files of WAL of ${cluster} are missing or damaged`),
    ...shown.clusters.filter((cluster) => !isRecent(shown, cluster, now)).map((cluster) => `the last backup of ${cluster} is too old`),
    ...Object.entries(rpo).filter(([, seconds]) => seconds === null || seconds > RPO_LIMIT_SECONDS).map(([cluster]) => `the WAL of ${cluster} does not arrive`),
  ];
  return { rpo_seconds: rpo, shares_disk: shown.repositories.every(({ sharesDisk }) => sharesDisk), troubles };
}

function isRecent({ backups, repositories, allowed_age_seconds }: Shown, cluster: string, now: number): boolean {
  return repositories.every(({ key }) => backups.some((one) => one.cluster === cluster && one.repository === key && one.state !== 'damaged' && now - Date.parse(one.startedAt) < allowed_age_seconds.incremental * 1000));
}

function print(shown: Shown, { rpo_seconds: rpo, shares_disk, troubles }: State): void {
  const now = Date.parse(shown.at);
  const header = ['cluster', 'type', 'label', 'taken (UTC)', 'age', 'took', 'database', 'stored', 'WAL', 'state', ...(shown.repositories.length > 1 ? ['repository'] : [])];
  const rows = shown.backups.toSorted((a, b) => a.cluster.localeCompare(b.cluster) || a.startedAt.localeCompare(b.startedAt)).map((one) => [
    one.cluster, SHORT[one.type], one.label, one.startedAt.slice(0, 19).replace('T', ' '), duration((now - Date.parse(one.startedAt)) / 1000),
    duration((Date.parse(one.endedAt) - Date.parse(one.startedAt)) / 1000), size(one.size_bytes), size(one.stored_bytes), range(one.walFrom, one.walTo), one.state,
    ...(shown.repositories.length > 1 ? [String(one.repository)] : []),
  ]);
  for (const line of table([header, ...rows])) console.log(line);
  console.log('');
  for (const cluster of shown.clusters) {
    const seconds = rpo[cluster];
    const first = shown.backups.filter((one) => one.cluster === cluster && one.state !== 'damaged').map(({ endedAt }) => endedAt).toSorted()[0];
    const wal = shown.archives.filter((one) => one.cluster === cluster).map(({ oldest, newest, repository }) => `${range(oldest, newest)}${shown.repositories.length > 1 ? ` in ${repository}` : ''}`).join(', ');
    const running = shown.running[cluster];
    console.log(`${cluster}: ${seconds === null || seconds === undefined ? 'no WAL has arrived' : `lost with this machine now: the last ${seconds} s at most`}; any second since ${first?.slice(0, 19).replace('T', ' ') ?? 'never'}; WAL ${wal || 'none'}${
      running ? `; a backup is being taken${share(running)}` : ''}`);
  }
  for (const { key, where, disks, free_bytes } of shown.repositories) console.log(`repository ${key}: ${where}${disks.length > 0 ? `, on ${disks.join(', ')}` : ''}${free_bytes === null ? '' : `, ${size(free_bytes)} free`}`);
  console.log(logSnapshotLine(shown.log_snapshots, now));
  const due = Object.entries(shown.next).map(([task, at]) => `${task} ${at.slice(0, 16).replace('T', ' ')}`).join(', ');
  console.log(`next: ${due}`);
  if (shares_disk) console.log('Backups share the disk they protect. Add a repository on another one:  ./holdfast backups add-repository --path DIR');
  for (const trouble of troubles) console.log(`✗ ${trouble}`);
  if (troubles.length > 0) console.log('What to do:  ./holdfast runbook show backup-damaged');
}

/** Nobody's money depends on it: it is told, and no trouble of the backups. */
function logSnapshotLine(snapshots: Shown['log_snapshots'], now: number): string {
  if ('unknown' in snapshots) return `log lines: whether there is a snapshot is not known: ${snapshots.unknown}`;
  const { newest, count, allowed_age_seconds } = snapshots;
  if (!newest) return 'log lines: there is no snapshot; those that Docker no longer keeps would be lost with Elasticsearch';
  const age_seconds = (now - Date.parse(newest.startedAt)) / 1000;
  return `log lines: newest snapshot ${newest.name}, ${duration(age_seconds)} old${age_seconds > allowed_age_seconds ? ` (more than the ${duration(allowed_age_seconds)} that are allowed)` : ''}, ${days(newest.indices.length)}; ${count} kept`;
}

/** The names' last 16 digits tell one segment from another; the first 8 are the timeline. */
function range(from: string, to: string): string {
  return from === to ? from : `${from}..${to.slice(8)}`;
}

function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('read every file of every backup and all WAL now, and compare checksums')
    .option('--cluster <name>', 'only of one')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 all as it was written, 1 something is missing or damaged (or could not be looked at).')
    .action(async (_options: object, command: Command) => {
      // The option of the same name of `backups` takes it, wherever it stands.
      const options = command.optsWithGlobals<{ cluster?: string; json?: true }>();
      const instance = await Instance.existing(command);
      const clusters = clustersNamed(instance, options.cluster);
      const { repositories } = await showBackups(instance);
      const places = repositories.flatMap(({ key }) => clusters.map((cluster) => ({ cluster, key })));
      const progress = new Progress(places.length);
      const results: Verified[] = [];
      for (const { cluster, key } of places) {
        const [answer] = await progress.step(`verifying ${cluster}${repositories.length > 1 ? ` in repository ${key}` : ''}`, () => askScheduler<Answer>(instance, ['verify', cluster, String(key)]));
        if (!answer?.verified) throw new UserError(`could not verify ${cluster}.`, ['Look:  ./holdfast logs backup-scheduler']);
        results.push(answer.verified);
      }
      const bad = results.filter(({ errors }) => errors > 0);
      if (options.json) console.log(JSON.stringify(results, null, 2));
      else {
        for (const { cluster, repository, errors, damaged, findings } of bad) {
          console.log(`✗ ${cluster}, repository ${repository}: ${errors} files are missing or damaged; cannot be restored: ${damaged.join(', ') || 'no backup, but some of the time between them'}`);
          for (const finding of findings) console.log(`    ${finding}`);
        }
        console.log(bad.length === 0 ? 'All backups are as they were written.' : 'If the last backup is among them, the scheduler takes another within a minute. What else to do:  ./holdfast runbook show backup-damaged');
      }
      process.exitCode = bad.length > 0 ? 1 : 0;
    });
}

function removeCommand(): Command {
  return new Command('remove')
    .description('remove one backup, or all that are damaged, with those that stand on it; what the schedule keeps goes by itself')
    .argument('[label]', 'as ./holdfast backups shows it')
    .option('--damaged', 'all that verification found damaged')
    .requiredOption('--cluster <name>', 'whose it is')
    .requiredOption('--yes', 'it cannot be brought back')
    .action(async (label: string | undefined, options: { cluster: string; damaged?: true }, command: Command) => {
      if ((label === undefined) !== (options.damaged === true)) throw new UserError('say which: a label, or --damaged.', ['Look:  ./holdfast backups'], 2);
      const instance = await Instance.existing(command);
      const [cluster = ''] = clustersNamed(instance, options.cluster);
      const { backups } = await showBackups(instance);
      const chosen = backups.filter((one) => one.cluster === cluster && (options.damaged ? one.state === 'damaged' : one.label === label));
      if (chosen.length === 0 && options.damaged) return plain(`No backup of ${cluster} is damaged any more.`);
      if (chosen.length === 0) throw new UserError(`${cluster} has no backup "${label}".`, ['Look:  ./holdfast backups'], 2);
      for (const { repository } of chosen) {
        const isGoodFull = (one: Shown['backups'][number]): boolean => one.cluster === cluster && one.repository === repository && one.type === 'full' && one.state !== 'damaged';
        if (!backups.some((one) => isGoodFull(one) && !chosen.includes(one))) {
          throw new UserError(`${cluster} would be left without a good full backup in repository ${repository}: nothing could be restored.`, [`Take another first:  ./holdfast backup --type full --cluster ${cluster}`]);
        }
      }
      // What stands on another of them goes with it.
      const roots = chosen.filter((one) => !chosen.some((other) => other.repository === one.repository && one.standsOn.includes(other.label)));
      for (const one of roots) {
        const [answer] = await askScheduler<Answer>(instance, ['remove', one.label, cluster, String(one.repository)]);
        plain(`Removed ${one.label} from repository ${one.repository}. Left of ${cluster}: ${answer?.left?.join(', ') ?? 'unknown'}`);
      }
    });
}

function addRepositoryCommand(): Command {
  return new Command('add-repository')
    .description('keep all backups and WAL a second time, on another disk or in an S3-compatible store, with a passphrase of its own')
    .option('--path <directory>', 'where the other disk (or network file system) is mounted')
    .option('--s3-endpoint <host>', 'such as s3.eu-west-1.amazonaws.com, or minio.bank.example:9000')
    .option('--s3-bucket <name>')
    .option('--s3-region <name>')
    .option('--s3-prefix <path>', 'path in the bucket (default: / and the name of the instance)')
    .option('--s3-key-file <file>', 'a file that holds the access key')
    .option('--s3-secret-file <file>', 'a file that holds the secret key')
    .option('--s3-ca-file <file>', 'the authority of its certificate, where that is a private one')
    .addOption(new Option('--s3-uri-style <style>', 'how the bucket is named; most stores of one\'s own want path').choices(['host', 'path']))
    .addHelpText('after', '\nPostgres is not restarted. Lock what is in it against deletion where you can: backups/README.md.')
    .action(async (options: RepositoryOptions, command: Command) => {
      const instance = await Instance.existing(command);
      await exclusively(instance, 'backups add-repository', async () => {
        const before = instance.settings.backupRepository;
        const repository = await repositoryFrom(options, instance);
        if (before && nameOf(before) !== nameOf(repository)) throw new UserError(`there is a second repository already: ${nameOf(before)}.`, ['Remove it first (its files stay):  ./holdfast backups remove-repository']);
        await new Progress(1).step(`adding ${nameOf(repository)}`, (say) => addRepository(instance, repository, options, say));
        const { repositories } = await showBackups(instance);
        const second = repositories.find(({ key }) => key === 2);
        plain(`Added. A full backup of each cluster is being taken to it; watch:  ./holdfast backups`);
        if (second?.sharesDisk) plain(`But ${second.disks.length > 0 ? `it is on ${second.disks.join(', ')}, as the databases are` : 'nothing tells that it is on another disk than the databases'}: the loss of that disk takes both.`);
        plain('Its passphrase is in this installation\'s secrets and nowhere else: take a new recovery kit.');
      });
    });
}

function removeRepositoryCommand(): Command {
  return new Command('remove-repository')
    .description('stop using the second repository; what is in it stays there')
    .action(async (_options: object, command: Command) => {
      const instance = await Instance.existing(command);
      const repository = instance.settings.backupRepository;
      if (!repository) throw new UserError('there is no second repository.', ['Add one:  ./holdfast backups add-repository --path DIR']);
      await exclusively(instance, 'backups remove-repository', async () => {
        await new Progress(1).step(`removing ${nameOf(repository)}`, (say) => removeRepository(instance, say));
        plain(`${nameOf(repository)} is used no more; its files are as they were, and this installation keeps its passphrase.`);
      });
    });
}
