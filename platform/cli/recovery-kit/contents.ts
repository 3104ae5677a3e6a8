import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { components, type Component } from '../../components.ts';

/** A file of the state directory that goes into a kit. */
export interface KitFile {
  /** From the state directory. */
  readonly path: string;
  readonly size_bytes: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
}

/** What the CLI writes for itself while it works, or makes anew from the rest. Everything else is in the kit, also what nobody has thought of yet. */
const MADE_ANEW = new Set(['ca.crt', 'compose.env', 'proven', 'recovery-kit.json', 'recovery.json']);
const MADE_ANEW_DIRECTORIES = new Set(['log', 'operator-log', 'restore', 'proof', 'checkpoints']);
/** A secret is short. What is longer is something else, and says so instead of making every kit large. */
const FILE_MAX_BYTES = 1024 ** 2;

export interface KitContents {
  readonly files: readonly KitFile[];
  /** Larger than any secret, and not in the kit. */
  readonly left_out: readonly string[];
}

/** The files of an instance's state that a restore on another machine needs, in the order of their paths. */
export async function kitContents(stateDirectory: string): Promise<KitContents> {
  const entries = existsSync(stateDirectory) ? await readdir(stateDirectory, { recursive: true, withFileTypes: true }) : [];
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(stateDirectory.length + 1)).filter((path) => belongs(path)).toSorted();
  const files: KitFile[] = [];
  const leftOut: string[] = [];
  for (const path of paths) {
    if ((await stat(join(stateDirectory, path))).size > FILE_MAX_BYTES) {
      leftOut.push(path);
      continue;
    }
    const content = await readFile(join(stateDirectory, path));
    files.push({ path, size_bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') });
  }
  return { files, left_out: leftOut };
}

function belongs(path: string): boolean {
  const [first = '', second = '', ...rest] = path.split(sep);
  if (path.endsWith('.new') || first.startsWith('lock')) return false;
  if (second === '') return !MADE_ANEW.has(first);
  if (MADE_ANEW_DIRECTORIES.has(first)) return false;
  return first !== 'secrets' || !isDerived(second, rest.join(sep));
}

/** What `up` writes into the components' directories from vault, authority, settings and the project. The rest there is the operator's own. */
const WRITTEN_BY_UP = new Set(['ca.crt', 'tls.crt', 'tls.key', 'tls.pem', 'tls.pk8', 'users.acl', 'backups.json', 'proof.json', 'recovery-kit.json',
  'added-ledgers.cfg', 'added-patroni.json', 'added-postgres.json']);

function isDerived(component: string, file: string): boolean {
  const declared: readonly string[] = (components as Record<string, Component>)[component]?.secrets ?? [];
  return WRITTEN_BY_UP.has(file) || declared.includes(file) || file.startsWith(`pgbackrest.d${sep}`);
}

/**
 * What of a kit must not be older than the platform: secrets, keys, and where the second repository is. Settings such as the number of replicas may differ:
 * a kit without them restores as well.
 */
export async function digestsOfSecrets(stateDirectory: string, backupRepository: unknown): Promise<Record<string, string>> {
  const { files } = await kitContents(stateDirectory);
  const secret = files.filter(({ path }) => ['vault', 'ca', 'secrets'].includes(path.split(sep)[0] ?? ''));
  const repository = createHash('sha256').update(JSON.stringify(backupRepository ?? null)).digest('hex');
  return Object.fromEntries([...secret.map(({ path, sha256 }) => [path, sha256] as const), ['the setting of the second repository', repository]]);
}
