import type { Lost } from '../../../backups/log-snapshots.ts';
import { days } from '../backups/scheduler.ts';
import { containersOf, waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { startSetupProgram } from '../one-off.ts';
import { docker, must } from '../run.ts';

const BUDGET_SECONDS = 60;

/** As `platform/setup/restore-logs.ts` answers. */
export interface RestoredLogs extends Lost {
  readonly added?: number;
}

/**
 * Brings back from snapshots the days that Elasticsearch has lost, and then lets the shipper forget how far it had read: it begins each of Docker's log files anew. The id of a document is
 * its place in its file, so what Elasticsearch has is not there twice. Its queue goes too: every line in it is in those files, unless Docker has rotated it away since.
 */
export async function rebuildLogs(instance: Instance, say: (detail: string) => void): Promise<RestoredLogs[]> {
  // First: it would make the index of today while that is being brought back.
  say('stopping the shipper');
  await instance.compose(['rm', '--stop', '--force', 'logs']);
  try {
    return await restoreLogs(instance, say);
  } finally {
    await beginAnew(instance, say);
  }
}

/** From snapshots alone. */
export async function restoreLogs(instance: Instance, say: (detail: string) => void): Promise<RestoredLogs[]> {
  say('looking for days in snapshots');
  const program = startSetupProgram(instance, 'restore-logs.ts', [await keptDays(instance)]);
  program.input.end();
  let last: { progress?: string; result?: RestoredLogs[]; failure?: string } = {};
  for await (const line of program.lines) {
    last = JSON.parse(line) as typeof last;
    if (last.progress) say(last.progress);
  }
  const { exitCode, said } = await program.ended;
  if (last.result) return last.result;
  throw new UserError(`not everything came back from snapshots: ${last.failure ?? `the program ended with status ${exitCode}.\n${said}`}`, [
    'Log lines that Docker still keeps are shipped all the same.', 'Look:       ./holdfast backups', 'Try again:  ./holdfast rebuild logs (what came back is passed over)',
  ]);
}

async function beginAnew(instance: Instance, say: (detail: string) => void): Promise<void> {
  await must('docker', ['volume', 'rm', '--force', `${instance.name}_logs`]);
  say('starting the shipper anew');
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'logs']);
  await waitUntilHealthy(instance, ['logs'], BUDGET_SECONDS, say);
}

/** As Elasticsearch was started with, whatever the environment of this command says. */
async function keptDays(instance: Instance): Promise<string> {
  const elasticsearch = (await containersOf(instance)).find(({ service }) => service === 'elasticsearch');
  if (!elasticsearch) throw new UserError('there is no Elasticsearch to bring log lines back into.', ['Start it:  ./holdfast up']);
  const environment = JSON.parse(await docker('inspect', '--format', '{{json .Config.Env}}', elasticsearch.id)) as string[];
  return environment.find((one) => one.startsWith('LOGS_KEPT_DAYS='))?.split('=')[1] ?? '';
}

export function printRestoredLogs(restored: readonly RestoredLogs[]): void {
  const back = restored.map(({ index, added }) => `${index.slice('holdfast-logs-'.length)}${added === undefined ? '' : ` (${added} lines beside those of since)`}`).toSorted();
  console.log(back.length === 0 ? 'No day had to be brought back from a snapshot.' : `${days(back.length)} of log lines came back from snapshots: ${back.join(', ')}.`);
  console.log('The shipper reads all log files from their beginning.');
}
