import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import type { Backup } from './repository.ts';

export interface ClusterPlan {
  readonly cluster: string;
  readonly node: string;
  readonly others: readonly string[];
  readonly isAlive: boolean;
  readonly backup: Backup;
  readonly timeline: 'latest' | number;
  readonly ended_timeline: number;
  readonly point_ms: number | undefined;
  /** Transfers that were acknowledged after the point; undefined where nobody can say, null where the cluster keeps none. */
  readonly lost: number | null | undefined;
}

export interface Plan {
  readonly to: string;
  readonly instance: string;
  readonly clusters: readonly ClusterPlan[];
  readonly stops: readonly string[];
  readonly needs_bytes: number;
  readonly free_bytes: number;
}

/** WAL that is replayed, and what was forgotten. */
const MARGIN_BYTES = 512 * 1024 * 1024;
const MARGIN = 1.1;

/** The old data stays where it is, so the new needs room of its own, on every node. */
export function bytesNeeded(clusters: readonly { readonly backup: Pick<Backup, 'info'>; readonly others: readonly string[] }[]): number {
  return clusters.reduce((sum, { backup, others }) => sum + Math.ceil(backup.info.size * MARGIN) * (1 + others.length), clusters.length === 0 ? 0 : MARGIN_BYTES);
}

export function refuseFullDisk({ needs_bytes, free_bytes }: Pick<Plan, 'needs_bytes' | 'free_bytes'>, where: string): void {
  if (free_bytes >= needs_bytes) return;
  throw new UserError(`the restore needs ${megabytes(needs_bytes)} on the disk of ${where}, where ${megabytes(free_bytes)} are free: the data that is there now is kept beside it.`, [
    'What earlier restores have kept:  ./holdfast restore --forget-old', 'What Docker could free:           docker system df', 'Nothing was changed.',
  ]);
}

/** Free space where Docker keeps its volumes. The toolbox sees the host's files below /host. */
export async function freeBytes(instance: Instance): Promise<number> {
  const root = instance.settings.dockerRoot;
  const { bavail, bsize } = await statfs(existsSync(`/host${root}`) ? `/host${root}` : root);
  return bavail * bsize;
}

export function linesOf(plan: Plan): string[] {
  const width = Math.max(...plan.clusters.map(({ cluster }) => cluster.length));
  return [
    `Restore of "${plan.instance}" to ${plan.to}`,
    ...plan.clusters.flatMap(({ cluster, node, backup, timeline, isAlive, lost }) => [
      `  ${cluster.padEnd(width)}  from ${backup.type} backup ${backup.label} (ended ${new Date(backup.timestamp.stop * 1_000).toISOString()}, ${megabytes(backup.info.size)}), timeline ${timeline}, on ${node}${isAlive ? '' : ', which has no leader that answers now'}`,
      ...(lost === null ? [] : [`  ${''.padEnd(width)}  ${lossOf(lost)}`]),
    ]),
    `  stopped meanwhile: ${plan.stops.length > 0 ? plan.stops.join(', ') : 'no service'}, and the nodes of ${plan.clusters.map(({ cluster }) => cluster).join(', ')}`,
    `  disk: ${megabytes(plan.needs_bytes)} needed, ${megabytes(plan.free_bytes)} free; the data that is there now is kept until you say  ./holdfast restore --forget-old`,
  ];
}

function lossOf(lost: number | undefined): string {
  if (lost === undefined) return 'how many transfers are lost cannot be said before; they will be listed as far as anybody knows of them';
  return lost === 0 ? 'no transfer was accepted after the point' : `${lost} transfer${lost === 1 ? '' : 's'} accepted after the point will be undone, and listed in a file`;
}

export function megabytes(bytes: number): string {
  return bytes < 10_000_000_000 ? `${Math.ceil(bytes / 1_000_000)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
