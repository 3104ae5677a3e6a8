import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clusterNamed } from '../../platform/cli/cluster/nodes.ts';
import { readCluster } from '../../platform/cli/cluster/state.ts';
import { docker, must, run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { Faults } from '../faults/faults.ts';
import { CLUSTER_WHOLE } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

export const CLUSTER = 'ledger0';
/** After which Docker begins with its shortest pause again. */
const DOCKER_FORGETS_MS = 10_500;

/** A way to lose a leader, or to change it. */
export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** What the first acknowledged write may take at the worst. */
  readonly most_ms: number;
  /** What the gap itself may take, where that is asked for. */
  readonly gapMost_ms?: number;
  /** The old leader is gone: so that the other one may acknowledge at all, the risk of a single copy is accepted before. */
  readonly alone?: true;
  /** pg-guard is stopped meanwhile. */
  readonly unguarded?: true;
  /** Strikes, and says at what time, on the clock of `performance`. `resumed` is there to be called when writes flow again: it proves what must be proven then. */
  strike(world: World): Promise<{ struckMs: number; resumed?: () => Promise<string> }>;
  mend?(world: World): Promise<void>;
}

/** Hands on the cluster that is measured. */
export class World {
  readonly platform: Platform;
  private readonly faults: Faults;
  /** Which node the last fault hit. */
  private hit = '';

  constructor(platform: Platform, faultsImage: string) {
    this.platform = platform;
    this.faults = new Faults(platform, faultsImage);
  }

  async kill(victim: 'main' | 'postmaster'): Promise<{ struckMs: number }> {
    await this.find();
    const struckMs = performance.now();
    await this.faults.strike({ kind: 'kill', victim, target: `${CLUSTER} leader`, number: 0 });
    return { struckMs };
  }

  /** Its main process is killed, and Docker is told before not to start it again. */
  async killForGood(): Promise<{ struckMs: number }> {
    const container = await this.platform.container(await this.find());
    await docker('update', '--restart', 'no', container.id);
    const struckMs = performance.now();
    await this.platform.kill(container);
    return { struckMs };
  }

  async revive(): Promise<void> {
    const { id } = await this.platform.container(this.hit);
    await docker('update', '--restart', 'unless-stopped', id);
    await docker('start', id);
  }

  /** Nothing reaches it and nothing leaves it. Once another node leads, a write through its own socket must not be acknowledged. */
  async cutOff(): Promise<{ struckMs: number; resumed: () => Promise<string> }> {
    const { id } = await this.platform.container(await this.find());
    const struckMs = performance.now();
    await docker('network', 'disconnect', this.network, id);
    return { struckMs, resumed: () => this.refusesWrites(id) };
  }

  async reconnect(): Promise<void> {
    await docker('network', 'connect', '--alias', this.hit, this.network, (await this.platform.container(this.hit)).id);
  }

  /** As a person does it: from the moment the command is entered. */
  async switchOver(): Promise<{ struckMs: number; resumed: () => Promise<string> }> {
    await this.find();
    const struckMs = performance.now();
    const command = this.holdfast('switchover', CLUSTER);
    return { struckMs, resumed: async () => (await command).split('\n')[0] ?? '' };
  }

  holdfast(...args: string[]): Promise<string> {
    return must(join(PROJECT, 'holdfast'), ['--instance', this.platform.instance.name, ...args]);
  }

  async guard(on: boolean): Promise<void> {
    await (on ? this.platform.start('pg-guard') : this.platform.stop('pg-guard'));
  }

  /** A leader, a replica in step, and a guard that sees the leader where it runs. */
  async whole(unguarded: boolean): Promise<void> {
    await within(CLUSTER_WHOLE, `${CLUSTER} with a leader and a replica in step`, async () => {
      const { leader, nodes } = await readCluster(this.platform.instance, clusterNamed(CLUSTER, this.platform.instance));
      return leader !== null && nodes.some(({ in_step }) => in_step) ? true : undefined;
    });
    // Each run for itself: Docker doubles its pause before it starts a container again that has run for less, to a minute in the end.
    await within(CLUSTER_WHOLE, 'the leader to have run for long enough', async () => (Date.now() - (await this.platform.container(await this.platform.leaderOf(CLUSTER))).startedAt.getTime() > DOCKER_FORGETS_MS ? true : undefined));
    if (!unguarded) await within(CLUSTER_WHOLE, 'pg-guard to see the leader', async () => ((await this.guardSees()) ? true : undefined));
  }

  private async guardSees(): Promise<boolean> {
    const tls = ['--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key'];
    return (await this.platform.inside('pg-guard', 'curl', '-sf', ...tls, 'https://pg-guard:8405/metrics')).includes(`pg_guard_leader_seen{cluster="${CLUSTER}"} 1\n`);
  }

  private async refusesWrites(id: string): Promise<string> {
    const write = await run('docker', ['exec', id, 'timeout', '5', 'psql', '-X', '-d', 'ledger', '-v', 'ON_ERROR_STOP=1', '-c', "SELECT pg_logical_emit_message(true, 'old leader', 'written')"]);
    if (write.exitCode === 0) throw new Error(`the old leader acknowledged a write although another one leads: ${write.stdout}`);
    return `the old leader refuses: ${write.stderr.trim().split('\n').at(-1) || 'no answer within 5 s'}`;
  }

  private async find(): Promise<string> {
    this.hit = await this.platform.leaderOf(CLUSTER);
    return this.hit;
  }

  private get network(): string {
    return `${this.platform.instance.name}_postgres`;
  }
}

const SECONDS = 1_000;

export const scenarios: readonly Scenario[] = [
  { name: 'postgres-killed', what: 'Postgres killed, Patroni alive', most_ms: 5 * SECONDS, strike: (world) => world.kill('postmaster') },
  { name: 'container-killed', what: 'main process of the container killed, Docker restarts it', most_ms: 5 * SECONDS, strike: (world) => world.kill('main') },
  { name: 'gone', what: 'container killed for good', most_ms: 6 * SECONDS, alone: true, strike: (world) => world.killForGood(), mend: (world) => world.revive() },
  { name: 'gone-unguarded', what: 'container killed for good, without pg-guard', most_ms: 25 * SECONDS, alone: true, unguarded: true, strike: (world) => world.killForGood(), mend: (world) => world.revive() },
  { name: 'cut-off', what: 'network cut', most_ms: 25 * SECONDS, alone: true, strike: (world) => world.cutOff(), mend: (world) => world.reconnect() },
  { name: 'switchover', what: 'planned switchover, from the command', most_ms: 3 * SECONDS, gapMost_ms: 2 * SECONDS, strike: (world) => world.switchOver() },
];
