import type { BackupType } from './schedule.ts';

/** A backup, as the repository itself tells of it. */
export interface Taken {
  cluster: string;
  /** 1 is the volume on this machine, 2 the one that `backups add-repository` added. */
  repository: number;
  label: string;
  type: BackupType;
  startedAt: Date;
  endedAt: Date;
  /** Of the database. */
  size_bytes: number;
  /** What this backup alone takes in the repository. */
  stored_bytes: number;
  /** The WAL that it needs to be consistent. */
  walFrom: string;
  walTo: string;
  /** Backups whose files it refers to: without them it is nothing. */
  standsOn: readonly string[];
  /** PostgreSQL's checksums did not fit some pages: what is damaged is the database. */
  pageErrors: boolean;
}

export interface Archive {
  cluster: string;
  repository: number;
  /** pgBackRest's name for the cluster's system, such as `17-1`. */
  id: string;
  oldest: string;
  newest: string;
}

export interface RepositoryInfo {
  backups: Taken[];
  archives: Archive[];
  /** Clusters of which a backup is being taken; how much of it is done, in bytes. */
  running: Record<string, { done_bytes: number; of_bytes: number }>;
  /** Clusters that a repository knows, as `1 core`. */
  known: ReadonlySet<string>;
}

const TYPES: Record<string, BackupType> = { full: 'full', diff: 'differential', incr: 'incremental' };

/** As `pgbackrest info --output=json` prints it (https://pgbackrest.org/command.html#command-info). */
interface Stanza {
  name: string;
  repo?: { key: number; status: { code: number } }[];
  archive: { id: string; min: string | null; max: string | null; database: { 'repo-key': number } }[];
  backup: {
    label: string; type: string; error?: boolean | null; reference: string[] | null;
    archive: { start: string | null; stop: string | null };
    database: { 'repo-key': number };
    info: { size: number; repository: { delta: number } };
    timestamp: { start: number; stop: number };
  }[];
  status: { lock?: { backup?: { held: boolean; 'size-cplt'?: number; size?: number } } };
}

const NO_SUCH_STANZA = new Set([1, 3]);

/** The stanzas of what `pgbackrest info --output=json` printed. Its messages have line breaks in them as they are (2.55), which no parser takes. */
export function stanzasOf<T>(printed: string): T[] {
  return JSON.parse(printed.replace(/\p{Cc}+/gu, ' ')) as T[];
}

export function readInfo(json: string): RepositoryInfo {
  const stanzas = stanzasOf<Stanza>(json);
  return {
    backups: stanzas.flatMap(({ name, backup }) => backup.map((one): Taken => ({
      cluster: name,
      repository: one.database['repo-key'],
      label: one.label,
      type: TYPES[one.type] ?? 'incremental',
      startedAt: new Date(one.timestamp.start * 1000),
      endedAt: new Date(one.timestamp.stop * 1000),
      size_bytes: one.info.size,
      stored_bytes: one.info.repository.delta,
      walFrom: one.archive.start ?? '',
      walTo: one.archive.stop ?? '',
      standsOn: one.reference ?? [],
      pageErrors: one.error === true,
    }))),
    archives: stanzas.flatMap(({ name, archive }) => archive.filter(({ max }) => max !== null).map((one) => ({
      cluster: name, repository: one.database['repo-key'], id: one.id, oldest: one.min ?? '', newest: one.max ?? '',
    }))),
    running: Object.fromEntries(stanzas.filter(({ status }) => status.lock?.backup?.held).map(({ name, status }) => [
      name, { done_bytes: status.lock?.backup?.['size-cplt'] ?? 0, of_bytes: status.lock?.backup?.size ?? 0 },
    ])),
    known: new Set(stanzas.flatMap(({ name, repo = [] }) => repo.filter(({ status }) => !NO_SUCH_STANZA.has(status.code)).map(({ key }) => `${key} ${name}`))),
  };
}

const SEGMENT_BYTES = 16 * 1024 ** 2;
const SEGMENTS_PER_LOG = 0x1_0000_0000 / SEGMENT_BYTES;

/**
 * Where the WAL that a segment holds ends, in bytes since the beginning of the cluster's WAL: what Patroni tells of a node's
 * position can be held against it. A segment is named after its timeline, log and number, 8 hexadecimal digits each.
 */
export function endOfSegment_bytes(name: string): number {
  const log = Number.parseInt(name.slice(8, 16), 16);
  const segment = Number.parseInt(name.slice(16, 24), 16);
  return (log * SEGMENTS_PER_LOG + segment + 1) * SEGMENT_BYTES;
}
