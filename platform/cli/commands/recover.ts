import { Command } from 'commander';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { asCalled } from '../../release/in-release-image.ts';
import { authoriseAuditRestore } from '../audit/authorise-restore.ts';
import { configureBackups } from '../backups/configure.ts';
import { UserError } from '../errors.ts';
import { ensureImages } from '../images/ensure.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { operatorName } from '../operator-log.ts';
import { plain, Progress } from '../progress.ts';
import { refuseOverInstance, unpackKit } from '../recovery-kit/kit.ts';
import { endRecovery, readRecovery, writeRecovery, type Recovery } from '../recover/progress-file.ts';
import { chooseCut, continueStreams, makeVolumes, refuseOverData, removeLeftovers, restoreTo, startLeaders, withContainers } from '../recover/recover.ts';
import { findRepository, settleDirectories, takeOver } from '../recover/repository.ts';
import { parseTarget } from '../restore/target.ts';
import { docker } from '../run.ts';
import { ensureSecrets } from '../state/secrets.ts';
import { verify } from './ledger.ts';
import { openKitFile, withOpeningOptions } from './recovery-kit.ts';
import { bringUp, parsePort } from './up.ts';

interface RecoverOptions {
  kit?: string;
  repository?: string;
  to: string;
  port?: number;
  passphraseFile?: string;
  identityFile?: string;
  json?: true;
}

interface Recovered {
  instance: string;
  /** The moment to which all clusters were restored; what was acknowledged later is lost. */
  restored_to: string | null;
  last_transactions: Record<string, string | null>;
  audit_entries: number | null;
  /** From the first step to the databases' leaders, and to the last proof. */
  data_seconds: number;
  total_seconds: number;
}

export function recoverCommand(): Command {
  return withOpeningOptions(new Command('recover'))
    .description('the machine is lost: bring the platform back here, from its recovery kit and its backup repository')
    .option('--kit <file>', 'the recovery kit')
    .option('--repository <directory>', 'the backup repository: the second one, or a copy of the first (backup/ and archive/ are in it)')
    .option('--to <point>', 'latest, or a time such as 2026-01-31T09:59:00Z', 'latest')
    .option('--port <number>', 'another public HTTPS port than the lost machine had', parsePort)
    .option('--json', 'the result for programs')
    .addHelpText('after', `
On a machine without this instance:  ./holdfast recover --kit FILE --repository DIR
Interrupted, it goes on with:        ./holdfast recover
It restores every cluster to one moment, starts everything, has Kafka, reports and search filled again, verifies the ledger and makes a transfer.
Exit status: 0 recovered and proven, 1 something to mend (the message says what), 2 wrong arguments.`)
    .action(async (options: RecoverOptions, command: Command) => {
      const instance = await Instance.named(command);
      const begun = await readRecovery(instance);
      if (begun === undefined) await importKit(instance, options);
      // Opened again: its settings came with the kit.
      const result = await recover(await Instance.named(command), options);
      if (options.json) console.log(JSON.stringify(result, null, 2));
      else print(result);
    });
}

async function importKit(instance: Instance, options: RecoverOptions): Promise<void> {
  await refuseOverInstance(instance);
  if (options.kit === undefined) throw new UserError('there is no instance here, and no kit to make it of.', ['Say which:  ./holdfast recover --kit FILE --repository DIR'], 2);
  if (options.repository === undefined) throw new UserError('which backup repository?', ['Say which:  ./holdfast recover --kit FILE --repository DIR'], 2);
  parseMoment(options.to);
  await refuseOverData(instance);
  const kit = await openKitFile(options.kit, options);
  await exclusively(instance, 'recover', async () => {
    await unpackKit(kit, instance.directory);
    await writeRecovery(instance, { phase: 'imported', began_at: new Date().toISOString() });
  });
  plain(`The kit of "${kit.manifest.instance}" (${kit.manifest.url}), made ${kit.manifest.made_at}, is opened.`);
}

function recover(instance: Instance, options: RecoverOptions): Promise<Recovered> {
  return exclusively(instance, 'recover', async () => {
    const recovery = await readRecovery(instance);
    if (recovery === undefined) throw new UserError(`"${instance.name}" is not being recovered.`, ['Put a cluster back in time:  ./holdfast help restore']);
    const began = performance.now();
    if (options.port !== undefined) instance.settings.port = options.port;
    const progress = new Progress(8);
    await progress.step('secrets, certificates, images', async (say) => {
      instance.settings.dockerRoot = (await docker('info', '-f', '{{.DockerRootDir}}')).trim();
      await instance.save();
      await ensureSecrets(instance.directory, instance.publicNames, instance.settings.ledgers);
      await ensureImages(instance.settings.registry, join(instance.directory, 'log'), say);
    });
    const auditEntries = recovery.phase === 'starting' ? null : await restoreData(instance, recovery, options, progress);
    await progress.step('the databases lead', (say) => startLeaders(instance, pause, say));
    const dataSeconds = (performance.now() - began) / 1000;
    plain('      everything else starts as ever:');
    await bringUp(instance, {});
    await progress.step('the audit trail is told', () => authoriseAuditRestore(instance, { by: operatorName(), why: 'the machine was lost', cluster: Object.keys(instance.clusters).join(', '), target: recovery.at ?? 'latest' }));
    const verification = await progress.step('verifying the ledger', (say) => verify(instance, say));
    if (verification.verdict !== 'passed') throw new UserError(`the platform runs, and its ledger does not add up (${verification.verdict.replaceAll('_', ' ')}).`, ['Look:  ./holdfast ledger verify']);
    await endRecovery(instance);
    const { at, reached = {} } = recovery;
    return { instance: instance.name, restored_to: at ?? null, last_transactions: reached, audit_entries: auditEntries, data_seconds: round(dataSeconds), total_seconds: round((performance.now() - began) / 1000) };
  });
}

/** Fills `recovery` in as it goes. */
async function restoreData(instance: Instance, recovery: Recovery, options: RecoverOptions, progress: Progress): Promise<number> {
  const directory = options.repository === undefined ? recovery.repository : asCalled(options.repository);
  if (directory === undefined) throw new UserError('which backup repository?', ['Say which:  ./holdfast recover --repository DIR'], 2);
  const to = parseMoment(options.to);
  await removeLeftovers(instance);
  const found = await progress.step('the repository', async (say) => {
    if (recovery.phase === 'imported') await refuseOverData(instance);
    const repository = await findRepository(instance, directory);
    for (const note of await settleDirectories(instance, repository, directory)) plain(`      note: ${note}`);
    await configureBackups(instance);
    await writeRecovery(instance, Object.assign(recovery, { phase: 'restoring', repository: directory, ...(to !== undefined && { to }) }));
    await makeVolumes(instance);
    say(repository.isFirst ? 'copying it, as the new installation goes on with it' : 'only read: the new installation begins its first repository anew');
    return repository.isFirst ? takeOver(instance, repository) : repository;
  });
  return withContainers(instance, found, async (containers) => {
    const first = await progress.step('how far it goes', () => chooseCut(containers, recovery.to));
    for (const { cluster, lastCommit } of first.reaches) plain(`      ${cluster.padEnd(8)} has transactions until ${lastCommit ?? 'its last backup'}`);
    const { chosen, reached } = await progress.step(first.at === undefined ? 'restoring' : `restoring all clusters to ${first.at}`, (say) => restoreTo(containers, first, recovery.to, say));
    const { auditEntries } = await progress.step('audit chain, and where the readers of events stand', async () => {
      const continued = await continueStreams(containers);
      await Promise.all(containers.map((container) => container.stop()));
      return continued;
    });
    await writeRecovery(instance, Object.assign(recovery, { phase: 'starting', cut: chosen.cut, reached, ...(chosen.at !== undefined && { at: chosen.at }) }));
    return auditEntries;
  });
}

/** A time as Postgres writes it, or nothing for the latest. */
function parseMoment(text: string): string | undefined {
  const target = parseTarget(text);
  if (target.kind === 'latest') return undefined;
  if (target.kind === 'time') return target.at.replace('T', ' ').replace('Z', '+00');
  throw new UserError(`a whole platform is recovered to a time or to the latest state, not to ${text}.`, [], 2);
}

function print(result: Recovered): void {
  console.log(`\nRecovered "${result.instance}" in ${result.total_seconds} s (its data after ${result.data_seconds} s).`);
  if (result.restored_to !== null) console.log(`Everything is as it was at ${result.restored_to}. What was acknowledged later is lost, and its payers can repeat it: a key that is not known posts anew.`);
  console.log('Make a new kit if people or secrets change, and look that backups go on:  ./holdfast status');
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;
