import { stanzasOf } from '../../../backups/repository-info.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';

/** A backup as `pgbackrest info --output=json` tells of it; times are seconds since 1970. */
export interface Backup {
  readonly label: string;
  readonly type: 'full' | 'diff' | 'incr';
  readonly error: boolean;
  readonly timestamp: { readonly start: number; readonly stop: number };
  readonly lsn: { readonly start: string; readonly stop: string };
  /** Names of WAL segments, the first eight digits of which are the timeline. */
  readonly archive: { readonly start: string; readonly stop: string };
  /** `size`: of the whole cluster, in bytes, whatever part of it this backup holds. */
  readonly info: { readonly size: number };
}

interface Status {
  readonly code: number;
  readonly message: string;
}

/** What the repository has of one cluster. Backups in the order in which they were taken. */
export interface Stanza {
  readonly name: string;
  readonly status: Status;
  /** What is wrong with a repository is said there; above it says only that something is. */
  readonly repo?: readonly { readonly status: Status }[];
  readonly backup: readonly Backup[];
  readonly archive: readonly { readonly min: string | null; readonly max: string | null }[];
}

/** Throws a refusal if the repository cannot be read: a wrong key looks like damage, and the answer says so. */
export async function readStanza(instance: Instance, cluster: string): Promise<Stanza> {
  const { exitCode, stdout, stderr } = await instance.tryCompose(['exec', '-T', 'pgbackrest', 'pgbackrest', `--stanza=${cluster}`, '--output=json', '--log-level-console=off', 'info']);
  if (exitCode !== 0 && stdout.trim() === '') {
    throw new UserError(`the backup repository does not answer: ${lastLine(stderr) || `pgbackrest ended with status ${exitCode}`}.`, ['Look:      ./holdfast logs pgbackrest', 'Start it:  ./holdfast restart pgbackrest', 'Nothing was changed.']);
  }
  return stanzaOf(cluster, stdout);
}

/** Separate from asking, as what must be refused here is hard to come by. */
export function stanzaOf(cluster: string, json: string): Stanza {
  const stanza = stanzasOf<Stanza>(json).find(({ name }) => name === cluster);
  if (!stanza || stanza.status.code === 1 || stanza.status.code === 3) {
    throw new UserError(`the repository has nothing of ${cluster}${stanza ? ` (${stanza.status.message})` : ''}.`, ['Look:  ./holdfast logs pgbackrest', 'Nothing was changed.']);
  }
  // 2: the stanza is there and has no backup yet, which whoever looks for one says better.
  if (stanza.status.code !== 0 && stanza.status.code !== 2) {
    const trouble = [stanza.status, ...(stanza.repo ?? []).map(({ status }) => status)].map(({ message }) => message).join(': ');
    // What a wrong key makes of a file is found out by its padding, or, where it is read before its end, by a text that makes no sense.
    const isKey = /crypto|cipher|decrypt|encrypt|FormatError/i.test(trouble);
    throw new UserError(`the repository of ${cluster} cannot be read${isKey ? ': its key is not the one that it was written with, or it is damaged' : ''} (${oneLine(trouble)}).`, [
      isKey ? 'The key is the secret pgbackrest-cipher-passphrase; the recovery kit has the right one.' : 'Look:  ./holdfast logs pgbackrest', 'Nothing was changed.',
    ]);
  }
  return stanza;
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 300);
