import { join } from 'node:path';
import { imageTag } from '../images/catalogue.ts';
import type { Instance } from '../instance.ts';
import { must, run } from '../run.ts';
import { answerOf, mustAnswer, type Place } from './place.ts';
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

/** Whose the repository's files are, for his eyes only; and whose the data of a node is. */
const READER = '6111:6111';
const NODE = '6110:6110';

/** A container without any network, in which one cluster is restored into a volume. It ends with `remove`. */
export class RestoreContainer extends RestoredCluster {
  private readonly name: string;
  private readonly volume: string;
  private readonly image: string;
  private readonly isThrowaway: boolean;

  private constructor(name: string, cluster: string, volume: string, image: string, isThrowaway: boolean) {
    super(cluster, placeIn(name), ['hba_file=/run/patroni/pg_hba.conf']);
    this.name = name;
    this.volume = volume;
    this.image = image;
    this.isThrowaway = isThrowaway;
  }

  /** @param volume what becomes the data of a node; without one, a volume that goes with the container */
  static async start(options: { name: string; registry: string; cluster: string; source: Source; volume?: string }): Promise<RestoreContainer> {
    const image = imageTag(options.registry, 'postgres');
    const container = new RestoreContainer(options.name, options.cluster, options.volume ?? `${options.name}-data`, image, options.volume === undefined);
    await container.remove();
    await container.giveTo(READER);
    await must('docker', [
      'run', '--detach', '--name', options.name, '--init', '--network', 'none', '--label', 'org.holdfast.restore=1',
      '--user', READER, '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true', '--memory', '768m', '--pids-limit', '256',
      // The image looks for a node's own repositories there: here is none.
      '--env', 'PGBACKREST_CONFIG_INCLUDE_PATH=/run/postgresql',
      '--tmpfs', '/run/postgresql:uid=6111,gid=6111,mode=0700', '--tmpfs', '/run/patroni:uid=6111,gid=6111,mode=0700', '--tmpfs', '/tmp:mode=1777',
      '--volume', `${container.volume}:/var/lib/postgresql`, '--volume', `${options.source.archive}:/repository/archive:ro`, '--volume', `${options.source.backup}:/repository/backup:ro`,
      image, 'sleep', 'infinity',
    ]);
    // Nobody else is in there, and this user is none that the restored server knows.
    await mustAnswer(placeIn(options.name), ['sh', '-c', 'cat > /run/patroni/pg_hba.conf'], Buffer.from('local all postgres trust\n'));
    await container.open(options.source.passphrase, PROCESSES);
    return container;
  }

  /** Ends the server, and leaves its data as a node of Patroni's finds its own. */
  override async stop(): Promise<void> {
    await super.stop();
    await this.giveTo(NODE);
  }

  async remove(): Promise<void> {
    await run('docker', ['rm', '--force', this.name]);
    if (this.isThrowaway) await run('docker', ['volume', 'rm', '--force', this.volume]);
  }

  private async giveTo(owner: string): Promise<void> {
    // Docker gives an empty volume the owner that the image has in its place, each time that it mounts it: so something must be in it.
    await must('docker', ['run', '--rm', '--network', 'none', '--user', '0:0', '--volume', `${this.volume}:/volume`, this.image, 'sh', '-c', 'mkdir -p -m 0700 /volume/data && chmod 0700 /volume && chown -R "$0" /volume', owner]);
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
