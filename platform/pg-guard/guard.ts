import type { Etcd } from './etcd.ts';
import { clustersIn, KEYS_OF_PATRONI, type ClusterKeys } from './keys.ts';
import type { Processes } from './processes.ts';
import { needsReplica, withoutEndedRisk } from './risk.ts';
import { mayBeFreed, nextWatch, patienceMs, stillTrue, type Watched } from './watch.ts';

/** What Prometheus is told of a cluster. */
export interface Told {
  readonly cluster: string;
  /** Its death could be proven, should it come. */
  readonly leaderSeen: boolean;
  readonly needsReplica: boolean;
  readonly riskUntilMs: number | undefined;
  readonly freed: number;
}

type Say = (level: 'info' | 'warn' | 'error', message: string, details: Record<string, unknown>) => void;

/** Watches the leaders of all clusters. `read` asks etcd who leads, `watch` looks whether they live, and frees the lead of one that does not. */
export class Guard {
  private readonly etcd: Pick<Etcd, 'below' | 'deleteIf' | 'putIf'>;
  private readonly processes: Pick<Processes, 'firstOf' | 'lives'>;
  private readonly say: Say;
  private readonly watched = new Map<string, Watched>();
  private readonly freed = new Map<string, number>();
  /** Since when the leader of a cluster is known to be dead. */
  private readonly deadSinceMs = new Map<string, number>();

  constructor(etcd: Pick<Etcd, 'below' | 'deleteIf' | 'putIf'>, processes: Pick<Processes, 'firstOf' | 'lives'>, say: Say) {
    this.etcd = etcd;
    this.processes = processes;
    this.say = say;
  }

  async read(nowMs: number): Promise<void> {
    const clusters = clustersIn(await this.etcd.below(KEYS_OF_PATRONI));
    for (const keys of clusters) {
      this.watched.set(keys.cluster, nextWatch(this.watched.get(keys.cluster), keys, (container) => this.processes.firstOf(container)));
      await this.endRisk(keys, nowMs);
    }
    for (const known of this.watched.keys()) if (!clusters.some(({ cluster }) => cluster === known)) this.watched.delete(known);
  }

  async watch(nowMs: number): Promise<void> {
    for (const [cluster, watched] of this.watched) {
      if (!watched.sighting || this.processes.lives(watched.sighting)) {
        this.deadSinceMs.delete(cluster);
        continue;
      }
      const deadSinceMs = this.deadSinceMs.get(cluster) ?? nowMs;
      this.deadSinceMs.set(cluster, deadSinceMs);
      if (mayBeFreed(watched) && nowMs - deadSinceMs >= patienceMs(watched)) await this.free(cluster, watched, nowMs);
    }
  }

  told(): Told[] {
    return [...this.watched].map(([cluster, { keys, sighting }]) => {
      const risk = keys.config?.value.holdfast_accepted_risk;
      return {
        cluster,
        leaderSeen: sighting !== undefined && this.processes.lives(sighting),
        needsReplica: needsReplica(keys),
        riskUntilMs: risk && Date.parse(risk.until),
        freed: this.freed.get(cluster) ?? 0,
      };
    });
  }

  /**
   * If anything has changed since it was read, above all the lead itself, nothing is deleted, and a new reading decides: the same lead is tried again.
   * So it is where the answer is lost: the revisions make a second attempt harmless.
   */
  private async free(cluster: string, watched: Watched, nowMs: number): Promise<void> {
    const { leader, leaderContainer: container, inStep } = watched.keys;
    if (!leader) return;
    const freed = await this.etcd.deleteIf(leader.key.name, stillTrue(watched));
    if (freed) {
      this.watched.set(cluster, { keys: { ...watched.keys, leader: undefined }, sighting: undefined });
      this.freed.set(cluster, (this.freed.get(cluster) ?? 0) + 1);
    } else await this.read(nowMs);
    const message = freed ? 'a dead leader’s lead was freed' : 'a leader died, and what was known of its cluster has changed meanwhile';
    this.say(freed ? 'warn' : 'info', message, { cluster, node: leader.node, container, process: watched.sighting, revision: leader.key.revision, in_step: inStep });
  }

  private async endRisk({ cluster, config }: ClusterKeys, nowMs: number): Promise<void> {
    const ended = config && withoutEndedRisk(config.value, nowMs);
    if (!ended) return;
    const done = await this.etcd.putIf(config.key.name, JSON.stringify(ended), [config.key]);
    if (done) this.say('warn', 'an accepted risk has ended: a commit needs a replica again', { cluster, ...config.value.holdfast_accepted_risk });
  }
}
