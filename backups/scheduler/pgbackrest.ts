import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readInfo, type Archive, type RepositoryInfo } from '../repository-info.ts';

/** pgBackRest's exit status when another process of it is at work on the same cluster (src/common/error/error.yaml: lock-acquire). */
export const LOCKED = 50;

export interface Ended {
  exitCode: number;
  stdout: string;
  /** The last lines of what it said, for whoever looks why. */
  said: string[];
}

/** A program that did not do what was asked for. Its words are pgBackRest's. */
export class PgBackRestFailed extends Error {
  readonly exitCode: number;

  constructor(what: string, { exitCode, said }: Ended) {
    super(`${what} ended with status ${exitCode}: ${said.filter((line) => /ERROR|WARN/.test(line)).join(' ').trim() || said.join(' ').trim() || 'it said nothing'}`);
    this.exitCode = exitCode;
  }
}

const SAID_LINES = 40;

/** Runs pgBackRest to its end. Results come on standard output, what it says on standard error. */
export function pgbackrest(args: readonly string[], tells: 'info' | 'warn' | 'error' = 'info'): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('pgbackrest', ['--log-level-console=off', `--log-level-stderr=${tells}`, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    const said: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
    createInterface({ input: child.stderr }).on('line', (line) => { if (said.push(line) > SAID_LINES) said.shift(); });
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? 1, stdout, said }));
  });
}

export async function readRepositories(): Promise<RepositoryInfo> {
  return readInfo(await must('info', ['--output=json', 'info'], 'warn'));
}

/** When the newest WAL of a cluster came to a repository. */
export async function arrivalOfNewest({ cluster, repository, id, newest }: Archive): Promise<Date | undefined> {
  const directory = `archive/${cluster}/${id}/${newest.slice(0, 16)}`;
  const files = JSON.parse(await must('repo-ls', [`--repo=${repository}`, '--output=json', 'repo-ls', directory], 'warn')) as Record<string, { type: string; time?: number }>;
  const time = Object.entries(files).find(([name]) => name.startsWith(newest))?.[1].time;
  return time === undefined ? undefined : new Date(time * 1000);
}

export async function must(what: string, args: readonly string[], tells?: 'warn'): Promise<string> {
  const ended = await pgbackrest(args, tells);
  if (ended.exitCode !== 0) throw new PgBackRestFailed(what, ended);
  return ended.stdout;
}
