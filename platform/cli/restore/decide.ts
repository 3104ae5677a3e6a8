import { clusterNamed } from '../cluster/nodes.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { askNode, leaderOf } from './ask-leader.ts';
import { isLedger } from './new-epoch.ts';
import { readRooms, refuseFullDisk, type ClusterPlan, type Plan } from './plan.ts';
import { readPoints } from './points.ts';
import { optionsOf } from './prepare.ts';
import { readStanza } from './repository.ts';
import { newestTimeline, startingPointOf } from './starting-point.ts';
import { servicesOf } from './steps.ts';
import { describeTarget, type Target } from './target.ts';
import { newId, pastRestores, readUndertakings, type Undertaking } from './undertaking.ts';

const EXIT_USAGE = 2;

/** Which clusters are meant; throws for what would tear the ledger apart. */
export function chosenClusters(instance: Pick<Instance, 'clusters'>, wished: readonly string[] | undefined, target: Target): string[] {
  const all = Object.keys(instance.clusters);
  const unknown = wished?.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new UserError(`there is no cluster "${unknown}".`, [`There are:  ${all.join(', ')}`], EXIT_USAGE);
  const clusters = all.filter((name) => wished === undefined || wished.includes(name));
  if (target.kind === 'lsn' && clusters.length !== 1) throw new UserError('a place in the WAL is one of a single cluster.', ['Say which:  --cluster ledger0'], EXIT_USAGE);
  const [shards, wishedShards] = [all.filter(isLedger), clusters.filter(isLedger)];
  // To the end of its archive a shard that was lost comes back alone: the others are where they were, a moment later than it at most.
  if (target.kind !== 'latest' && wishedShards.length > 0 && wishedShards.length < shards.length) {
    throw new UserError(`${wishedShards.join(', ')} alone cannot go back: money that it sent to the other shards since would be there twice, and what they sent would be gone.`, [
      `Restore them together:  ${shards.map((shard) => `--cluster ${shard}`).join(' ')}`, 'Or the whole platform:  without --cluster', 'Nothing was changed.',
    ], EXIT_USAGE);
  }
  return clusters;
}

/** Everything that can be known, and refused, before anything is touched. */
export async function planOf(instance: Instance, target: Target, clusters: readonly string[]): Promise<Plan> {
  const [points, undertakings] = await Promise.all([readPoints(instance), readUndertakings(instance)]);
  const known = { points, restores: pastRestores(undertakings), now_ms: Date.now() };
  const parts: ClusterPlan[] = [];
  for (const cluster of clusters) {
    const stanza = await readStanza(instance, cluster);
    const { backup, timeline, point_ms } = startingPointOf(stanza, target, known);
    const { node, answers } = await leaderOf(instance, cluster);
    const { nodes } = clusterNamed(cluster, instance);
    parts.push({ cluster, node, others: nodes.filter((one) => one !== node), isAlive: answers, backup, timeline, ended_timeline: newestTimeline(stanza), point_ms, lost: isLedger(cluster) ? await countLost(instance, node, answers, point_ms) : null });
  }
  const rooms = await readRooms(instance, parts);
  refuseFullDisk(rooms);
  return { to: describeTarget(target), instance: instance.name, clusters: parts, stops: servicesOf(clusters), rooms };
}

async function countLost(instance: Instance, node: string, answers: boolean, point_ms: number | undefined): Promise<number | undefined> {
  if (!answers || point_ms === undefined) return undefined;
  const count = await askNode(instance, node, 'ledger', `SELECT count(*) FROM transfers WHERE created_at > to_timestamp(${point_ms / 1_000})`);
  return count === undefined ? undefined : Number(count);
}

export function undertakingOf(plan: Plan, target: Target, { by, reason }: { by: string; reason: string }): Undertaking {
  const now = new Date();
  return {
    id: newId(now), kind: 'restore', to: plan.to, by, reason, began_at: now.toISOString(), stopped: [], done: [], old_data: 'kept',
    clusters: plan.clusters.map(({ cluster, node, others, backup, timeline, ended_timeline, point_ms }) => ({
      cluster, node, others, ended_timeline, ...(point_ms !== undefined && { point_at: new Date(point_ms).toISOString() }), source: { kind: 'repository', backup: backup.label, options: optionsOf(target, { timeline }) },
    })),
  };
}

/** The way back from a restore: to the data that it has kept. */
export async function undoingOf(instance: Instance, restore: Undertaking, { by, reason }: { by: string; reason: string }): Promise<Undertaking> {
  const now = new Date();
  const ended = new Map<string, number>();
  for (const { cluster } of restore.clusters) ended.set(cluster, newestTimeline(await readStanza(instance, cluster)));
  return {
    id: newId(now), kind: 'undo', to: `what was there before the restore ${restore.id}`, by, reason, began_at: now.toISOString(), stopped: [], done: [], old_data: 'kept', undoes: restore.id,
    clusters: restore.clusters.map(({ cluster, node, others }) => ({ cluster, node, others, ended_timeline: ended.get(cluster) ?? 1, source: { kind: 'kept', by: restore.id } })),
  };
}
