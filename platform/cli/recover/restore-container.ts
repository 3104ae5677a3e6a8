import { join } from 'node:path';
import { imageTag } from '../images/catalogue.ts';
import type { Instance } from '../instance.ts';
import { must, run } from '../run.ts';
import { answerOf, type Place } from './place.ts';
import { RestoredCluster } from './restored-cluster.ts';

/** A pgBackRest repository that is read, and never written. */
export interface Source {
  /** As Docker mounts them: absolute paths of the host, or names of volumes. */
  readonly archive: string;
  readonly backup: string;
  readonly passphrase: string;
}

/** The repository in a directory of the host. */
export function sourceIn(directory: string, passphrase: string): Source {
  return { archive: join(directory, 'archive'), backup: join(directory, 'backup'), passphrase };
}

/** The first repository of an installation, in its volumes. */
export function ownSource(instance: Pick<Instance, 'name'>, passphrase: string): Source {
  return { archive: `${instance.name}_pgbackrest-archive`, backup: `${instance.name}_pgbackrest-backup`, passphrase };
}

/** Processes that decompress and decrypt at the same time, for each cluster. */
const PROCESSES = 2;

/** A container without any network, in which one cluster is restored into a volume. It ends with `remove`. */
export class RestoreContainer extends RestoredCluster {
  private readonly name: string;

  private constructor(name: string, cluster: string) {
    super(cluster, placeIn(name));
    this.name = name;
  }

  /** @param volume what becomes the data of a node; without one, the container's own, which goes with it */
  static async start(options: { name: string; registry: string; cluster: string; source: Source; volume?: string }): Promise<RestoreContainer> {
    await run('docker', ['rm', '--force', '--volumes', options.name]);
    await must('docker', [
      'run', '--detach', '--name', options.name, '--init', '--network', 'none', '--label', 'org.holdfast.restore=1',
      // 6111 is the group of the repository's files.
      '--user', '6110:6110', '--group-add', '6111', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true',
      '--memory', '768m', '--pids-limit', '256', '--tmpfs', '/run/postgresql:uid=6110,gid=6110,mode=0700', '--tmpfs', '/run/patroni:uid=6110,gid=6110,mode=0700', '--tmpfs', '/tmp:mode=1777',
      '--volume', options.volume === undefined ? '/var/lib/postgresql' : `${options.volume}:/var/lib/postgresql`, 
      '--volume', `${options.source.archive}:/repository/archive:ro`, '--volume', `${options.source.backup}:/repository/backup:ro`,
      imageTag(options.registry, 'postgres'), 'sleep', 'infinity',
    ]);
    const container = new RestoreContainer(options.name, options.cluster);
    await container.open(options.source.passphrase, PROCESSES);
    return container;
  }

  remove(): Promise<unknown> {
    return run('docker', ['rm', '--force', '--volumes', this.name]);
  }
}

function placeIn(container: string): Place {
  return {
    dataDirectory: '/var/lib/postgresql/data', socketDirectory: '/run/postgresql', temporaryDirectory: '/tmp',
    // Where a Postgres node has its own: the server asks for WAL by the same file.
    configurationFile: '/run/patroni/pgbackrest.conf',
    run: (command, input) => answerOf('docker', ['exec', ...(input ? ['--interactive'] : []), container, ...command], input),
  };
}
