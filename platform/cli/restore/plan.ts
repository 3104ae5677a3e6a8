import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { readDisk } from '../cluster/disk.ts';
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
  readonly rooms: readonly Room[];
}

/** A disk that has to take the new data beside the old. */
export interface Room {
  /** Whose data is there. */
  readonly nodes: readonly string[];
  readonly needs_bytes: number;
  readonly free_bytes: number;
}

/** WAL that is replayed, and what was forgotten. */
const MARGIN_BYTES = 512 * 1024 * 1024;
const MARGIN = 1.1;

/** One node's part: the old data stays where it is, so the new needs room of its own. */
export function bytesNeeded({ info }: Pick<Backup, 'info'>): number {
  return Math.ceil(info.size * MARGIN);
}

/** What each disk has to take. Nodes that have no volume get one where Docker keeps them (`dockerRoot`). */
export function roomsOf(parts: readonly { readonly node: string; readonly needs_bytes: number; readonly disk: { readonly device: string; readonly free_bytes: number } }[]): Room[] {
  const byDevice = Map.groupBy(parts, ({ disk }) => disk.device);
  return [...byDevice.values()].map((those) => ({
    nodes: those.map(({ node }) => node), needs_bytes: those.reduce((sum, { needs_bytes }) => sum + needs_bytes, MARGIN_BYTES), free_bytes: Math.min(...those.map(({ disk }) => disk.free_bytes)),
  }));
}

export async function readRooms(instance: Instance, clusters: readonly Pick<ClusterPlan, 'node' | 'others' | 'backup'>[]): Promise<Room[]> {
  const nodes = clusters.flatMap(({ node, others, backup }) => [node, ...others].map((one) => ({ node: one, needs_bytes: bytesNeeded(backup) })));
  const dockerRoot = instance.settings.dockerRoot;
  return roomsOf(await Promise.all(nodes.map(async (part) => ({ ...part, disk: (await readDisk(instance, part.node)) ?? { device: dockerRoot, free_bytes: await freeBytes(dockerRoot) } }))));
}

export function refuseFullDisk(rooms: readonly Room[]): void {
  const full = rooms.find(({ needs_bytes, free_bytes }) => free_bytes < needs_bytes);
  if (!full) return;
  throw new UserError(`the restore needs ${megabytes(full.needs_bytes)} on the disk of ${full.nodes.join(', ')}, where ${megabytes(full.free_bytes)} are free: the data that is there now is kept beside it.`, [
    'What takes the room:              ./holdfast cluster disk', 'What earlier restores have kept:  ./holdfast restore --forget-old', 'What Docker could free:           docker system df', 'Nothing was changed.',
  ]);
}

/** The toolbox sees the host's files below /host. */
async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(existsSync(`/host${directory}`) ? `/host${directory}` : directory);
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
    ...plan.rooms.map(({ nodes, needs_bytes, free_bytes }) => `  disk of ${nodes.join(', ')}: ${megabytes(needs_bytes)} needed, ${megabytes(free_bytes)} free`),
    '  the data that is there now is kept until you say  ./holdfast restore --forget-old',
  ];
}

function lossOf(lost: number | undefined): string {
  if (lost === undefined) return 'how many transfers are lost cannot be said before; they will be listed as far as anybody knows of them';
  return lost === 0 ? 'no transfer was accepted after the point' : `${lost} transfer${lost === 1 ? '' : 's'} accepted after the point will be undone, and listed in a file`;
}

export function megabytes(bytes: number): string {
  return bytes < 10_000_000_000 ? `${Math.ceil(bytes / 1_000_000)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
