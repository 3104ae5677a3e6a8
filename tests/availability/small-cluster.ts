import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LEDGERS_AT_FIRST, postgresClusters } from '../../platform/components.ts';
import { configureBackups } from '../../platform/cli/backups/configure.ts';
import { readCluster, type ClusterState } from '../../platform/cli/cluster/state.ts';
import { clusterNamed } from '../../platform/cli/cluster/nodes.ts';
import { takeDown } from '../../platform/cli/commands/down.ts';
import { containersOf } from '../../platform/cli/containers.ts';
import { dockerApi } from '../../platform/cli/docker-api.ts';
import { Instance } from '../../platform/cli/instance.ts';
import { docker, run, type Outcome } from '../../platform/cli/run.ts';
import { ensureSecrets } from '../../platform/cli/state/secrets.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { CLUSTER_WHOLE } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';

const CLUSTER = clusterNamed('ledger0', { clusters: postgresClusters });
/** The bit of SIGTERM among a process's pending signals (proc(5)). */
const TERMINATE = 1n << 14n;
const SERVICES = ['etcd', 'pgbackrest', 'pg-router', 'pg-guard', ...CLUSTER.nodes];

/** One Postgres cluster of the product, from its own compose files, with what it needs and nothing that uses it. */
export class SmallCluster {
  readonly instance: Instance;

  private constructor(instance: Instance) {
    this.instance = instance;
  }

  static async start(name: string): Promise<SmallCluster> {
    const instance = await Instance.open(name);
    instance.settings.registry = process.env.HOLDFAST_REGISTRY ?? '';
    const cluster = new SmallCluster(instance);
    try {
      await instance.save();
      await ensureSecrets(instance.directory, [], LEDGERS_AT_FIRST);
      await configureBackups(instance);
      await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', ...SERVICES]);
      await cluster.whole();
      return cluster;
    } catch (error) {
      await cluster.purge();
      throw error;
    }
  }

  async purge(): Promise<void> {
    await takeDown(this.instance, true);
  }

  state(): Promise<ClusterState> {
    return readCluster(this.instance, CLUSTER);
  }

  /** A leader, and a replica that has all it acknowledges. */
  async whole(): Promise<{ leader: string; replica: string }> {
    return within(CLUSTER_WHOLE, 'a leader and a replica in step', async () => {
      const { leader, nodes, troubles } = await this.state();
      const replica = nodes.find(({ in_step }) => in_step)?.node;
      if (leader !== null && replica === undefined) await this.writeSomething(leader);
      if (leader === null || replica === undefined) throw new Error(troubles.join('; '));
      return { leader, replica };
    });
  }

  /**
   * A node that was rewound is consistent where the leader's next record will begin. Should nobody write, and that be the beginning of a segment (as after
   * `archive_timeout`), this is behind the segment's header, which is not written before the record is: it waits for a write, as any platform at work has.
   */
  private async writeSomething(leader: string): Promise<void> {
    await this.sql(leader, 'SELECT pg_log_standby_snapshot()');
  }

  /** Until that node leads. */
  async leads(node: string, budgetMs = CLUSTER_WHOLE): Promise<void> {
    await within(budgetMs, `${node} to lead`, async () => ((await this.state()).leader === node ? true : undefined));
  }

  /** The command line of the product, on this instance. */
  command(...args: string[]): Promise<Outcome> {
    return run('node', ['--disable-warning=ExperimentalWarning', join(PROJECT, 'platform/cli/main.ts'), '--instance', this.instance.name, ...args]);
  }

  async id(service: string): Promise<string> {
    const found = (await containersOf(this.instance)).find((container) => container.service === service);
    if (!found) throw new Error(`no container of ${service}`);
    return found.id;
  }

  async inside(service: string, ...command: string[]): Promise<string> {
    return docker('exec', await this.id(service), ...command);
  }

  /** By the superuser through the socket of a node, whoever leads. */
  sql(node: string, sql: string, database = 'ledger'): Promise<string> {
    return this.inside(node, 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql).then((text) => text.trim());
  }

  /** For good: no process, no container, no data. */
  async destroy(node: string): Promise<void> {
    await docker('rm', '--force', await this.id(node));
    await docker('volume', 'rm', `${this.instance.name}_${node}`);
  }

  /** Made anew where it was destroyed, started where it was stopped. */
  async start(node: string): Promise<void> {
    await this.instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', node]);
  }

  /** Stops the process with which a replica receives WAL, so that nothing that is sent to it reaches its disk. */
  async holdBack(replica: string): Promise<{ letGo: () => Promise<void> }> {
    const pid = await this.sql(replica, 'SELECT pid FROM pg_stat_wal_receiver');
    await this.inside(replica, 'sh', '-c', `kill -STOP ${pid}`);
    return {
      // Not before Postgres has told it to end, to promote the replica: then it ends, and leaves unread what waits in its socket.
      letGo: async () => {
        await within(CLUSTER_WHOLE, `the receiver of ${replica} to be told to end`, async () => {
          const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(await this.inside(replica, 'cat', `/proc/${pid}/status`))?.[1] ?? '0';
          return (BigInt(`0x${pending}`) & TERMINATE) === 0n ? undefined : true;
        });
        await this.inside(replica, 'sh', '-c', `kill -CONT ${pid}`);
      },
    };
  }

  /** Changes Patroni's settings as `patronictl edit-config` does, and waits until Patroni goes by them. */
  async configure(settings: Record<string, unknown>): Promise<void> {
    const { leader } = await this.state();
    const config = await this.inside(leader ?? CLUSTER.nodes[0] ?? '', 'patronictl', 'edit-config', '--force', '--quiet', ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${JSON.stringify(value)}`]));
    if (config.includes('Error')) throw new Error(config);
  }

  async guardMetric(name: string): Promise<number> {
    const tls = ['--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key'];
    const metrics = await this.inside('pg-guard', 'curl', '-sf', ...tls, 'https://pg-guard:8405/metrics');
    const value = new RegExp(`^${name}\\{cluster="ledger0"\\} (.*)$`, 'm').exec(metrics)?.[1];
    if (value === undefined) throw new Error(`pg-guard does not tell ${name}:\n${metrics}`);
    return Number(value);
  }

  /** How a program on the host reaches the leader through pg-router, as the setup job. */
  async connection(): Promise<{ host: string; port: number; user: string; database: string; ssl: { ca: string; cert: string; key: string; servername: string } }> {
    const host = await this.addressOf('pg-router');
    const read = (name: string): string => readFileSync(join(this.instance.directory, 'secrets/setup', name), 'utf8');
    return { host, port: CLUSTER.leaderPort, user: 'setup', database: 'ledger', ssl: { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key'), servername: CLUSTER.address } };
  }

  async addressOf(service: string): Promise<string> {
    const { NetworkSettings } = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${await this.id(service)}/json`);
    return NetworkSettings.Networks[this.network]?.IPAddress ?? '';
  }

  get network(): string {
    return `${this.instance.name}_postgres`;
  }
}
