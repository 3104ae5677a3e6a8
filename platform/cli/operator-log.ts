import type { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, open } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { components } from '../components.ts';
import { Instance } from './instance.ts';

/** What changes nothing and shows nothing of people; asked for often, also by programs. All else that an operator does is written down. */
const UNREMARKABLE = new Set(['status', 'urls', 'logs', 'metrics', 'alerts', 'alerts list', 'doctor', 'test', 'bundle', 'release', 'shards', 'cluster', 'cluster show', 'cluster disk', 'backups', 'backups list', 'ledger verify', 'audit verify', 'audit key']);
const secretName = /secret|password|passphrase|token|key/i;

type Details = Readonly<Record<string, unknown>>;

interface Running {
  readonly id: string;
  readonly began_ms: number;
  readonly instance: Instance;
  readonly command: string;
  readonly details: Details;
  /** False while there was no installation to write into yet. */
  told: boolean;
}

let running: Running | undefined;

/** Who works here: the name on the host, which the shim passes on, as inside of the toolbox everybody is root. */
export function operatorName(): string {
  return `${process.env.HOLDFAST_OPERATOR ?? userInfo().username}@${hostname()}`;
}

/** Called before each command: writes down that it begins. */
export async function commandBegins(command: Command): Promise<void> {
  const name = nameOf(command);
  if (UNREMARKABLE.has(name)) return;
  const instance = await Instance.named(command).catch(() => undefined);
  if (!instance) return;
  running = { id: randomUUID(), began_ms: Date.now(), instance, command: name, details: { arguments: command.args, options: withoutSecrets(command.opts()) }, told: false };
  if (!instance.exists) return;
  running.told = await write(instance, { id: running.id, type: 'operator.begun', command: name, ...running.details });
}

/** Called when it is over, by its exit status; `error` is what it told the operator. */
export async function commandEnds(exitCode: number, error?: string): Promise<void> {
  if (!running) return;
  const { id, began_ms, instance, command, details, told } = running;
  running = undefined;
  // A purge has taken the installation and its log away, and a command that was refused leaves nothing behind.
  const still = await Instance.open(instance.name).catch(() => undefined);
  if (!still?.exists) return;
  await write(still, {
    id: randomUUID(), type: 'operator.ended', of: id, command, ...(told ? {} : details), outcome: exitCode === 0 ? 'success' : 'failure', exit_code: exitCode, duration_ms: Date.now() - began_ms,
    ...(error !== undefined && { error: error.slice(0, 500) }),
  });
}

/**
 * Does `work` and writes down in the audit trail that it was done: who, what, when, with what outcome. For steps of which the command line alone does not tell
 * enough (which point, why, which cluster). Never throws for itself: a disaster is no time to refuse its cure for want of a log line; it says so on standard error.
 */
export async function audited<T>(instance: Instance, command: string, details: Details, work: () => Promise<T>): Promise<T> {
  const id = randomUUID();
  const began_ms = Date.now();
  const end = (outcome: 'success' | 'failure', error?: string): Promise<boolean> => write(instance, {
    id: randomUUID(), type: 'operator.ended', of: id, command, outcome, duration_ms: Date.now() - began_ms, ...(error !== undefined && { error: error.slice(0, 500) }),
  });
  await write(instance, { id, type: 'operator.begun', ...(running && { of: running.id }), command, ...withoutSecrets(details) });
  try {
    const result = await work();
    await end('success');
    return result;
  } catch (error) {
    await end('failure', (error as Error).message);
    throw error;
  }
}

export function operatorLogFile(directory: string): string {
  return join(directory, 'operator-log', 'commands.ndjson');
}

async function write(instance: Instance, line: { id: string; type: string } & Details): Promise<boolean> {
  const path = operatorLogFile(instance.directory);
  try {
    await mkdir(join(instance.directory, 'operator-log'), { recursive: true, mode: 0o755 });
    const file = await open(path, 'a', 0o640);
    try {
      // Of root, and to be read by audit alone.
      await chmod(path, 0o640);
      await chown(path, process.getuid?.() ?? 0, components.audit.uid);
      await file.appendFile(`${JSON.stringify({ at: new Date().toISOString(), actor: operatorName(), version: process.env.HOLDFAST_VERSION ?? 'development', ...line })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    console.error(`note: this command is not written down for the audit trail: ${(error as Error).message}`);
    return false;
  }
}

function nameOf(command: Command): string {
  const words: string[] = [];
  for (let one: Command | null = command; one?.parent; one = one.parent) words.unshift(one.name());
  return words.join(' ');
}

function withoutSecrets(values: Details): Details {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, secretName.test(name) && typeof value === 'string' ? '[redacted]' : value]));
}
