import { imageTag } from '../images/catalogue.ts';
import type { Instance } from '../instance.ts';
import { run } from '../run.ts';
import { HOME } from '../restore/workshop.ts';

/** What takes the room of a node's disk, in bytes. */
export interface NodeDisk {
  readonly node: string;
  /** What the file system is on: two volumes of the same one share its room. */
  readonly device: string;
  /** Of the file system that its volume is on, which others may fill as well. */
  readonly size_bytes: number;
  readonly free_bytes: number;
  /** Postgres can write hardly anything more, or nothing. */
  readonly is_full: boolean;
  readonly parts: readonly Part[];
}

export interface Part {
  readonly what: string;
  readonly bytes: number;
  /** The command that frees it, where there is one; for what is not the platform's, its path. */
  readonly next?: string;
}

/** Four segments of WAL: with less, the next checkpoint or the next switch of a segment stops Postgres. */
const FULL_BYTES = 4 * 16 * 1024 ** 2;
const KIB = 1024;

/** Allocated, as `du` has it: files with holes, and files that were only reserved, take what they take. */
const LOOK = `
  cd ${HOME}
  df -k --output=size,avail,source . | awk 'NR == 2 { print "filesystem", $1, $2, $3 }'
  for name in * .[!.]*; do [ ! -e "$name" ] || du -skx -- "$name" | sed 's/^/entry /'; done
  [ ! -d data/pg_wal ] || du -skx data/pg_wal | sed 's/^/wal /'
  [ ! -d kept ] || echo "kept $(ls kept | wc -l)"
  find data/pg_wal/archive_status -name '*.ready' 2>/dev/null | wc -l | sed 's/^/ready /'`;

/** Asked from a container without a network that has the volume and nothing else: the node itself need not run. Undefined where it has no volume. */
export async function readDisk(instance: Instance, node: string): Promise<NodeDisk | undefined> {
  const volume = `${instance.name}_${node}`;
  if ((await run('docker', ['volume', 'inspect', volume])).exitCode !== 0) return undefined;
  const mount = `type=volume,source=${volume},target=${HOME},readonly,volume-nocopy`;
  const { exitCode, stdout, stderr } = await run('docker', ['run', '--rm', '--network', 'none', '--mount', mount, imageTag(instance.settings.registry, 'postgres'), 'sh', '-c', LOOK]);
  const disk = diskOf(node, stdout);
  if (!disk) throw new Error(`the disk of ${node} could not be looked at (exit ${exitCode}): ${stderr.trim().slice(-500)}`);
  return disk;
}

/** Undefined where the look says nothing of the file system. */
export function diskOf(node: string, look: string): NodeDisk | undefined {
  const lines = look.split('\n').filter(Boolean).map((line) => /^(\w+) (\d+)(?:\s+(.*))?$/.exec(line)).filter((match) => match !== null);
  const [, , size_kib, rest = ''] = lines.find(([, kind]) => kind === 'filesystem') ?? [];
  const [free_kib = '', device = ''] = rest.split(' ');
  if (size_kib === undefined || free_kib === '') return undefined;
  const one = (kind: string): number => Number(lines.find(([, is]) => is === kind)?.[2] ?? 0);
  const entries = lines.filter(([, kind]) => kind === 'entry').map(([, , kib, name = '']) => ({ name, bytes: Number(kib) * KIB }));
  const free_bytes = Number(free_kib) * KIB;
  const parts = entries.flatMap(({ name, bytes }) => partsOf(name, bytes, { wal_bytes: one('wal') * KIB, ready: one('ready'), kept: one('kept') }));
  return { node, device, size_bytes: Number(size_kib) * KIB, free_bytes, is_full: free_bytes < FULL_BYTES, parts: parts.toSorted((a, b) => b.bytes - a.bytes) };
}

function partsOf(name: string, bytes: number, facts: { wal_bytes: number; ready: number; kept: number }): Part[] {
  switch (name) {
    case 'data': return [
      { what: 'databases', bytes: bytes - facts.wal_bytes },
      { what: `WAL${facts.ready === 0 ? '' : `, of which ${facts.ready} segments wait for the archive`}`, bytes: facts.wal_bytes, ...(facts.ready > 1 && { next: './holdfast backups' }) },
    ];
    case 'kept': return facts.kept === 0 ? [] : [{ what: 'data of before a restore, kept to undo it', bytes, next: './holdfast restore --forget-old' }];
    case 'restore': return [{ what: 'a restore that is being prepared', bytes, next: './holdfast restore --list' }];
    case 'spool': return [{ what: 'spool of the archive', bytes }];
    // Of the file system itself.
    case 'lost+found': return [];
    default: return [{ what: 'not the platform’s', bytes, next: `${HOME}/${name}` }];
  }
}

export function printedDisk({ node, size_bytes, free_bytes, is_full, parts }: NodeDisk): string {
  const head = `${is_full ? '○' : '●'} ${node}: ${is_full ? 'full, ' : ''}${mebibytes(free_bytes)} of ${mebibytes(size_bytes)} free`;
  return [head, ...parts.map(({ what, bytes, next }) => `  ${mebibytes(bytes).padStart(10)}  ${what}${next === undefined ? '' : `  (${next})`}`)].join('\n');
}

function mebibytes(count: number): string {
  return `${Math.round(count / 1024 ** 2).toLocaleString('en')} MiB`;
}
