import type { Instance } from '../instance.ts';

/** The one process below Docker's init. A signal from Docker itself would count as a stop by hand, after which it restarts nothing. */
const signal = (name: string): string[] => ['sh', '-c', `kill -${name} $(cat /proc/1/task/1/children)`];

/**
 * Has those rooms that read their files at their start take up the ledgers that were added since (added-ledgers.ts, ../backups/configure.ts). Nobody is cut off: HAProxy starts a new
 * worker, and the old one goes on with its connections for a while. Prometheus looks by itself. Harmless to repeat.
 */
export async function tellOfAddedLedgers(instance: Instance): Promise<void> {
  await instance.compose(['exec', '-T', 'pg-router', 'haproxy', '-c', '-q', '-f', '/etc/haproxy/haproxy.cfg', '-f', '/run/holdfast/added-ledgers.cfg']);
  await instance.compose(['exec', '-T', 'pg-router', ...signal('USR2')]);
  await instance.compose(['exec', '-T', 'pgbackrest', ...signal('HUP')]);
}
