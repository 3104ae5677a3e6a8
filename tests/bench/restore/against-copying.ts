import { loadavg } from 'node:os';
import { imageTag } from '../../../platform/cli/images/catalogue.ts';
import type { Instance } from '../../../platform/cli/instance.ts';
import { readingConfiguration } from '../../../platform/cli/recover/place.ts';
import { docker, must, run } from '../../../platform/cli/run.ts';
import { readSecret } from '../../../platform/cli/state/secrets.ts';
import { readCpu } from '../cpu.ts';
import { foreignCores } from '../statistics.ts';

const CLUSTER = 'ledger0';
/** As `restore` and `recover` have it: two cores, of which the platform wants its part. */
const PROCESSES = 2;

/** One half of a pair. */
export interface Half {
  readonly took_s: number;
  /** Processor time of its container: what a busy machine takes from neither. */
  readonly cpu_s: number;
  /** Cores that the rest of the machine used meanwhile. */
  readonly foreign_cores: number;
}

export interface Pair {
  readonly restore: Half;
  readonly copy: Half;
  readonly first: 'restore' | 'copy';
  /** Of the machine, over the minute until the end of the pair. */
  readonly load: number;
}

export interface AgainstCopying {
  readonly data_bytes: number;
  readonly repository_bytes: number;
  readonly pairs: readonly Pair[];
}

/** The whole data directory as the last backup has it, and the repository, into the page cache: neither half reads from the disk. */
const WARM = 'find /data/source /repository -type f -exec cat {} + > /dev/null';
const EMPTY = 'rm -rf /data/target && mkdir -m 0700 /data/target && sync';
/** Durable, as a database must be that is started then; pgBackRest does that by itself, and is made to wait for the rest. */
const halves = {
  restore: `pgbackrest --config=/tmp/pgbackrest.conf --stanza=${CLUSTER} --pg1-path=/data/target --type=none restore && sync`,
  copy: 'cp -a /data/source/. /data/target/ && sync',
} as const;

/**
 * The encrypted repository against a plain copy of the very data directory that it restores: in one container, on one file system, in alternating pairs. Before each half
 * both sources are read once, so that neither has the page cache for itself.
 */
export async function againstCopying(instance: Instance, pairs: number, say: (text: string) => void): Promise<AgainstCopying> {
  const name = `${instance.name}-against-copying`;
  const volume = `${name}-data`;
  const remove = async (): Promise<void> => {
    await run('docker', ['rm', '--force', name]);
    await run('docker', ['volume', 'rm', '--force', volume]);
  };
  await remove();
  try {
    await docker('run', '--detach', '--name', name, '--network', 'none', '--user', '0:0', '--env', 'PGBACKREST_CONFIG_INCLUDE_PATH=/tmp/none', '--tmpfs', '/tmp', '--volume', `${volume}:/data`,
      '--volume', `${instance.name}_pgbackrest-archive:/repository/archive:ro`, '--volume', `${instance.name}_pgbackrest-backup:/repository/backup:ro`, imageTag(instance.settings.registry, 'postgres'), 'sleep', 'infinity');
    const inside = (script: string, input?: string): Promise<string> => must('docker', ['exec', '-i', name, 'sh', '-euc', script], { input: input ?? '' });
    const place = { dataDirectory: '/data/target', socketDirectory: '/tmp', temporaryDirectory: '/tmp', configurationFile: '/tmp/pgbackrest.conf', run: () => Promise.reject(new Error('only its paths are asked for')) };
    await inside('mkdir -p /tmp/none; cat > /tmp/pgbackrest.conf', readingConfiguration(place, CLUSTER, await readSecret(instance.directory, 'pgbackrest-cipher-passphrase'), PROCESSES));
    await inside(`${EMPTY}; ${halves.restore}; mv /data/target /data/source`);
    const [container = ''] = (await docker('ps', '--no-trunc', '--quiet', '--filter', `name=^${name}$`)).split('\n');
    const timed = async (half: keyof typeof halves): Promise<Half> => {
      await inside(`${WARM}; ${EMPTY}`);
      const before = readCpu({ container });
      const took_s = Number(await inside(`from=$(date +%s%N); { ${halves[half]}; } > /dev/null; echo $((($(date +%s%N) - from) / 1000000))`)) / 1_000;
      const after = readCpu({ container });
      const cpu_s = (after.containers.container ?? 0) - (before.containers.container ?? 0);
      return { took_s, cpu_s, foreign_cores: foreignCores({ wall_s: (after.at_ms - before.at_ms) / 1_000, host_s: after.host_s - before.host_s, own_s: cpu_s }) };
    };
    const measured: Pair[] = [];
    while (measured.length < pairs) {
      const first = measured.length % 2 === 0 ? 'restore' : 'copy';
      const second = first === 'restore' ? 'copy' : 'restore';
      const one = { [first]: await timed(first), [second]: await timed(second) } as Record<'restore' | 'copy', Half>;
      measured.push({ ...one, first, load: loadavg()[0] ?? 0 });
      say(`pair ${measured.length} of ${pairs}: restored in ${told(one.restore)}, copied in ${told(one.copy)}: ${(one.restore.took_s / one.copy.took_s).toFixed(2)}x`);
    }
    return { data_bytes: Number(await inside('du -sb /data/source | cut -f1')), repository_bytes: Number(await inside(`du -sb /repository/backup/${CLUSTER} | cut -f1`)), pairs: measured };
  } finally {
    await remove();
  }
}

const told = ({ took_s, cpu_s, foreign_cores }: Half): string => `${took_s.toFixed(2)} s (CPU ${cpu_s.toFixed(2)} s, others ${foreign_cores.toFixed(2)} cores)`;
