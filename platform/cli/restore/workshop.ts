import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Instance } from '../instance.ts';
import { run } from '../run.ts';

/** Where a node keeps everything: a volume. Moving within it is renaming. */
export const HOME = '/var/lib/postgresql';
/** The database that is being prepared, beside the one that is served. */
export const AREA = `${HOME}/restore`;
export const PREPARED = `${AREA}/data`;

/** By node, those that stay open for a while. */
let keptOpen: Map<string, Promise<Workshop>> | undefined;

/**
 * A container with a node's image, volume and certificate in which no Patroni runs: so it reaches the repository as that node, and nobody reaches it.
 * The node itself may run on meanwhile.
 */
export class Workshop {
  private readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** One that an interrupted restore has left is removed first, with what ran in it. */
  static async open(instance: Instance, node: string): Promise<Workshop> {
    const name = nameOf(instance, node);
    await closeWorkshops(instance, [node]);
    await instance.compose(['--progress', 'quiet', 'run', '-d', '--rm', '--no-deps', '--no-TTY', '--name', name, node, 'sleep', 'infinity']);
    const workshop = new Workshop(name);
    // As start-node does it.
    await workshop.sh('sed -e "s/@cluster@/$HOLDFAST_CLUSTER/g" -e "s/@node@/$HOLDFAST_NODE/g" /etc/patroni/pgbackrest.conf > /run/patroni/pgbackrest.conf');
    return workshop;
  }

  static async use<T>(instance: Instance, node: string, work: (workshop: Workshop) => Promise<T>): Promise<T> {
    if (keptOpen) {
      const workshop = keptOpen.get(node) ?? Workshop.open(instance, node);
      keptOpen.set(node, workshop);
      return work(await workshop);
    }
    const workshop = await Workshop.open(instance, node);
    try {
      return await work(workshop);
    } finally {
      await closeWorkshops(instance, [node]);
    }
  }

  /**
   * Until `work` has ended, a workshop that was used stays open for the next use: to open one takes longer than much of what is done in it. Those of all these nodes
   * are closed then, also what an interruption has left of an earlier time.
   */
  static async keepOpen<T>(instance: Instance, nodes: readonly string[], work: () => Promise<T>): Promise<T> {
    const open = new Map<string, Promise<Workshop>>();
    keptOpen = open;
    try {
      return await work();
    } finally {
      keptOpen = undefined;
      await Promise.allSettled(open.values());
      await closeWorkshops(instance, nodes);
    }
  }

  /** Standard output of a shell script; `$1` and so on are its arguments. Throws if it fails. */
  async sh(script: string, ...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run('docker', ['exec', this.name, 'sh', '-euc', script, 'sh', ...args]);
    if (exitCode !== 0) throw new Error(`in ${this.name}: ${script.trim().split('\n')[0]} … exited ${exitCode}: ${(stderr || stdout).trim().slice(-1_500)}`);
    return stdout.trim();
  }

  /** Starts a program that goes on by itself. */
  async start(script: string): Promise<void> {
    const { exitCode, stderr } = await run('docker', ['exec', '-d', this.name, 'sh', '-c', script]);
    if (exitCode !== 0) throw new Error(`in ${this.name}: ${stderr.trim()}`);
  }

  /** Rows of a query in the database that is prepared, columns parted by `|`. Throws if there is no answer. */
  async sql(database: string, text: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await run('docker', ['exec', '-i', this.name, 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', database,
      ...Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]), '-f', '-'], { input: text });
    if (exitCode !== 0) throw new Error(stderr.trim().slice(-1_500));
    return stdout.trim();
  }

  /** Runs a program and hears each line of it. Resolves with its exit status and its last lines. */
  watch(command: readonly string[], onLine: (line: string) => void): Promise<{ exitCode: number; said: string[] }> {
    return new Promise((resolve, reject) => {
      const child = spawn('docker', ['exec', this.name, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
      const said: string[] = [];
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          said.push(line);
          if (said.length > 40) said.shift();
          onLine(line);
        });
      }
      child.once('error', reject);
      child.once('close', (code) => resolve({ exitCode: code ?? 1, said }));
    });
  }
}

function nameOf(instance: Instance, node: string): string {
  return `${instance.name}-restore-${node}`;
}

/** With what runs in them. */
export async function closeWorkshops(instance: Instance, nodes: readonly string[]): Promise<void> {
  await run('docker', ['rm', '-f', ...nodes.map((node) => nameOf(instance, node))]);
}
