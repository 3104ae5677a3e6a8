import { waitUntilHealthy } from '../containers.ts';
import type { Instance } from '../instance.ts';
import { must } from '../run.ts';

const BUDGET_SECONDS = 60;

/**
 * Lets the shipper forget how far it had read: it begins each of Docker's log files anew. The id of a document is its place in its file, so what
 * Elasticsearch has is not there twice. Its queue goes too: every line in it is in those files, unless Docker has rotated it away since.
 */
export async function rebuildLogs(instance: Instance, say: (detail: string) => void): Promise<void> {
  say('stopping the shipper');
  await instance.compose(['rm', '--stop', '--force', 'logs']);
  await must('docker', ['volume', 'rm', '--force', `${instance.name}_logs`]);
  say('starting it anew');
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'logs']);
  await waitUntilHealthy(instance, ['logs'], BUDGET_SECONDS, say);
}
