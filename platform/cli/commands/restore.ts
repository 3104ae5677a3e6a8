import { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { plain, Progress } from '../progress.ts';
import { chosenClusters, planOf, undertakingOf, undoingOf } from '../restore/decide.ts';
import { deleteKept, hasKept, startNodes } from '../restore/place.ts';
import { linesOf, megabytes } from '../restore/plan.ts';
import { readPoints } from '../restore/points.ts';
import { clearAway } from '../restore/prepare.ts';
import { lostFileOf, startServices, stepsOf } from '../restore/steps.ts';
import { parseTarget, TARGET_FORMS } from '../restore/target.ts';
import { canBeGivenUp, goOn, readUndertakings, refuseUnfinishedRestore, resuming, saveUndertaking, unfinished, unfinishedOf, type Undertaking } from '../restore/undertaking.ts';
import { Workshop } from '../restore/workshop.ts';

interface Options { to?: string; cluster?: string[]; reason?: string; by: string; yes?: true; plan?: true; resume?: true; undo?: true; forgetOld?: true; list?: true; json?: true }

const EXIT_USAGE = 2;

export function restoreCommand(): Command {
  return new Command('restore')
    .description('bring the databases back to a point in time, proven before it is served; the data of now is kept')
    .option('--to <point>', TARGET_FORMS)
    .option('--cluster <name>', 'only this one (again for more); all of them otherwise, to one consistent point', (name: string, names: string[] = []) => [...names, name])
    .option('--reason <text>', 'why, for the audit trail')
    .option('--by <name>', 'who, for the audit trail', process.env.HOLDFAST_OPERATOR ?? 'operator')
    .option('--plan', 'say what would be done, and do nothing')
    .option('--yes', 'do not ask (needed without a terminal)')
    .option('--resume', 'go on with a restore that was interrupted')
    .option('--undo', 'give up one that was interrupted, or bring back the data of before the last one')
    .option('--forget-old', 'delete the data that restores have kept')
    .option('--list', 'restores that were made, and restore points')
    .option('--json', 'for programs')
    .addHelpText('after', '\nServices and nodes stop when the backup is nearly copied; the old data is not touched until the restored is proven to be at the point. Ctrl-C is safe at any time: --resume goes on.\nExit status: 0 done, 1 not done (the message says what holds), 2 wrong arguments.')
    .action(async (options: Options, command: Command) => {
      const instance = await Instance.existing(command);
      const modes = [options.to !== undefined, options.resume, options.undo, options.forgetOld, options.list].filter(Boolean).length;
      if (modes !== 1) throw new UserError(modes === 0 ? 'restore to where?' : 'only one of --to, --resume, --undo, --forget-old and --list at a time.', [`./holdfast restore --to POINT, where POINT is ${TARGET_FORMS}`], EXIT_USAGE);
      if (options.list) return list(instance, options);
      await exclusively(instance, 'restore', () => (
        options.to !== undefined ? begin(instance, options.to, options) : options.resume ? resume(instance, options) : options.undo ? undo(instance, options) : forgetOld(instance, options)));
    });
}

async function begin(instance: Instance, to: string, options: Options): Promise<void> {
  const target = parseTarget(to);
  await refuseUnfinishedRestore(instance);
  const plan = await planOf(instance, target, chosenClusters(instance, options.cluster, target));
  if (options.json && options.plan) console.log(JSON.stringify(plan, null, 2));
  else for (const line of linesOf(plan)) plain(line);
  if (options.plan) return;
  const undertaking = undertakingOf(plan, target, { by: options.by, reason: reasonOf(options) });
  await confirm(instance, options, `This undoes what was done since ${plan.to} in ${plan.clusters.map(({ cluster }) => cluster).join(', ')}.`);
  await run(instance, undertaking, options);
}

async function resume(instance: Instance, options: Options): Promise<void> {
  const open = unfinished(await readUndertakings(instance));
  if (!open) throw new UserError('no restore was interrupted: there is nothing to go on with.', ['All of them:  ./holdfast restore --list']);
  await run(instance, open, options);
}

async function undo(instance: Instance, options: Options): Promise<void> {
  const all = await readUndertakings(instance);
  const open = unfinished(all);
  if (open) {
    if (!canBeGivenUp(open)) throw new UserError(open.kind === 'undo' ? 'it is an undo that was interrupted: finish it first.' : 'what was restored is taking the place of the old data already: finish it first, and undo it then.', resuming(open));
    return giveUp(instance, open);
  }
  const last = all.findLast(({ placed_at }) => placed_at !== undefined);
  if (!last || last.kind === 'undo' || last.old_data !== 'kept') throw new UserError('there is no restore to undo: none was made, or its old data was deleted.', ['All of them:  ./holdfast restore --list']);
  for (const { cluster, node } of last.clusters) {
    if (!(await hasKept(instance, node, last.id))) throw new UserError(`${node} has no data of ${cluster} from before the restore ${last.id}.`, ['Another point in time:  ./holdfast restore --to POINT']);
  }
  const undertaking = await undoingOf(instance, last, { by: options.by, reason: reasonOf(options) });
  plain(`Undo of the restore ${last.id} to ${last.to}\n  back to the data of before; what was done since is lost\n  stopped meanwhile: the services and nodes of ${last.clusters.map(({ cluster }) => cluster).join(', ')}`);
  await confirm(instance, options, `This undoes what was done since ${last.placed_at}.`);
  await run(instance, undertaking, options);
  last.old_data = 'back in use';
  await saveUndertaking(instance, last);
  for (const part of undertaking.clusters) await deleteKept(instance, part, [last.id, undertaking.id]);
  undertaking.old_data = 'deleted';
  await saveUndertaking(instance, undertaking);
}

/** Nothing was put in place: what was served is served again. */
async function giveUp(instance: Instance, open: Undertaking): Promise<void> {
  await new Progress(1).step(`giving up the restore to ${open.to}`, async (say) => {
    for (const part of open.clusters) {
      say(part.cluster);
      await clearAway(instance, part);
      await startNodes(instance, [part.node, ...part.others]);
    }
    await startServices(instance, open, say);
  });
  open.finished_at = new Date().toISOString();
  open.old_data = 'back in use';
  await saveUndertaking(instance, open);
  plain('Everything is as it was before.');
}

async function forgetOld(instance: Instance, options: Options): Promise<void> {
  await refuseUnfinishedRestore(instance);
  const keeping = (await readUndertakings(instance)).filter(({ placed_at, old_data }) => placed_at !== undefined && old_data === 'kept');
  if (keeping.length === 0) return plain('No restore has kept anything.');
  await confirm(instance, options, `This deletes the data of before ${keeping.map(({ id }) => id).join(', ')}: then there is no undoing.`);
  let bytes = 0;
  for (const one of keeping) {
    for (const part of one.clusters) bytes += await deleteKept(instance, part, [one.id]);
    one.old_data = 'deleted';
    await saveUndertaking(instance, one);
  }
  plain(`Deleted: ${megabytes(bytes)}.`);
}

async function run(instance: Instance, undertaking: Undertaking, options: Options): Promise<void> {
  await saveUndertaking(instance, undertaking);
  const steps = stepsOf(instance, undertaking);
  const progress = new Progress(unfinishedOf(undertaking, steps).length);
  const save = (): Promise<void> => saveUndertaking(instance, undertaking);
  const nodes = undertaking.clusters.flatMap(({ node, others }) => [node, ...others]);
  await Workshop.keepOpen(instance, nodes, () => goOn(undertaking, steps, save, (label, work) => progress.step(label, work))).catch((error: unknown) => {
    if (!(error instanceof UserError) || undertaking.stopped.length === 0 || undertaking.serving_at !== undefined) throw error;
    throw new UserError(error.message, [...error.next, `Until then nobody is served by ${undertaking.stopped.join(', ')}.`], error.exitCode);
  });
  undertaking.finished_at = new Date().toISOString();
  await save();
  const file = lostFileOf(instance, undertaking);
  if (options.json) console.log(JSON.stringify({ ...undertaking, lost_transfers_file: file }, null, 2));
  else for (const line of summaryOf(undertaking, file, progress.elapsed())) console.log(line);
}

function summaryOf({ kind, to, clusters, silent_at, serving_at }: Undertaking, file: string, elapsed: string): string[] {
  const lost = clusters.reduce((sum, part) => sum + (part.lost ?? 0), 0);
  return [
    `${kind === 'undo' ? 'Undone' : 'Restored'}: ${to} (${elapsed})`,
    ...clusters.map(({ cluster, recovered }) => `  ${cluster}: last transaction ${recovered?.last_transaction_at ?? 'that of the backup'}, timeline ${recovered?.timeline}, epoch ${recovered?.epoch}`),
    ...(clusters.some((part) => part.lost !== undefined) ? [`  ${lost} transfers that had been accepted are no longer there: ${file}`] : []),
    ...(silent_at !== undefined && serving_at !== undefined ? [`  Nobody was served for        ${Math.round((Date.parse(serving_at) - Date.parse(silent_at)) / 1_000)} s`] : []),
    '  Verify:                     ./holdfast ledger verify',
    ...(kind === 'undo' ? [] : ['  Back to the data of before:  ./holdfast restore --undo', '  Delete the data of before:   ./holdfast restore --forget-old']),
  ];
}

async function list(instance: Instance, options: Options): Promise<void> {
  const [restores, points] = await Promise.all([readUndertakings(instance), readPoints(instance)]);
  if (options.json) return console.log(JSON.stringify({ restores, points }, null, 2));
  for (const { id, kind, to, clusters, by, reason, placed_at, finished_at, old_data } of restores) {
    const state = finished_at === undefined ? 'interrupted' : placed_at === undefined ? 'given up' : `old data ${old_data}`;
    console.log(`${id}  ${kind}  to ${to}  ${clusters.map(({ cluster }) => cluster).join(', ')}  by ${by}: ${reason}  (${state})`);
  }
  for (const { name, at, by } of points) console.log(`restore point ${name}  ${at}  by ${by}`);
  if (restores.length + points.length === 0) console.log('No restores, no restore points.');
}

function reasonOf({ reason }: Options): string {
  if (reason !== undefined && reason.trim() !== '') return reason.trim().slice(0, 500);
  throw new UserError('why? The audit trail keeps the reason of a restore.', ['Add:  --reason "what went wrong"', 'Nothing was changed.'], EXIT_USAGE);
}

async function confirm(instance: Instance, { yes }: Options, what: string): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UserError('this cannot ask here, without a terminal.', [`${what} If you mean it, add:  --yes`, 'Nothing was changed.']);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${what} Type "${instance.name}" to go on: `);
  terminal.close();
  if (answer.trim() !== instance.name) throw new UserError('nothing was changed.');
}
