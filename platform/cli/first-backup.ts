import { setTimeout as pause } from 'node:timers/promises';
import { stanzasOf } from '../../backups/repository-info.ts';
import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';

const FIRST_BACKUP_BUDGET_SECONDS = 240;

interface StanzaInfo {
  name: string;
  backup: { type: string; error: boolean }[];
  status: { code: number; message: string };
}

/** The scheduler takes a first full backup of each cluster by itself; this waits until all of them are there. */
export async function waitForFirstBackups(instance: Instance, say: (detail: string) => void): Promise<void> {
  const deadline = Date.now() + FIRST_BACKUP_BUDGET_SECONDS * 1000;
  for (;;) {
    const stanzas = await readStanzas(instance);
    const missing = Object.keys(instance.clusters).filter((cluster) => !stanzas.some((stanza) => stanza.name === cluster && stanza.backup.some((backup) => backup.type === 'full' && !backup.error)));
    if (missing.length === 0) return;
    say(`waiting for ${missing.join(', ')}`);
    if (Date.now() > deadline) {
      throw new UserError(`no full backup of ${missing.join(', ')} after ${FIRST_BACKUP_BUDGET_SECONDS} s.`, ['Look:  ./holdfast logs backup-scheduler', 'Then go on with:  ./holdfast up']);
    }
    await pause(2000);
  }
}

async function readStanzas(instance: Instance): Promise<StanzaInfo[]> {
  const outcome = await instance.tryCompose(['exec', '-T', 'backup-scheduler', 'pgbackrest', '--output=json', 'info']);
  return outcome.exitCode === 0 ? stanzasOf<StanzaInfo>(outcome.stdout) : [];
}
