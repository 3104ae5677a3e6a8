import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { LogSnapshot } from '../../../backups/log-snapshots.ts';
import type { Taken } from '../../../backups/repository-info.ts';
import type { BackupType } from '../../../backups/schedule.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';

/** A moment as JSON has it. */
type Moment = string;

export type ShownLogSnapshot = Omit<LogSnapshot, 'startedAt'> & { startedAt: Moment };

/** As `backups/scheduler/by-hand.ts` answers to `show`. */
export interface Shown {
  at: Moment;
  clusters: string[];
  repositories: { key: number; kind: 'volume' | 'path' | 's3'; where: string; disks: string[]; sharesDisk: boolean; free_bytes: number | null; capacity_bytes: number | null }[];
  backups: (Omit<Taken, 'startedAt' | 'endedAt'> & { startedAt: Moment; endedAt: Moment; state: 'verified' | 'not verified yet' | 'damaged' | 'page errors' })[];
  archives: { cluster: string; repository: number; oldest: string; newest: string }[];
  wal: { cluster: string; repository: number; newest: string; end_bytes: number; arrivedAt: Moment }[];
  running: Record<string, { done_bytes: number; of_bytes: number }>;
  verifications: Verified[];
  next: Record<BackupType | 'verify' | 'log_snapshot', Moment>;
  /** Unknown, and why, where Elasticsearch did not answer. */
  log_snapshots: { allowed_age_seconds: number } & ({ newest: ShownLogSnapshot | null; count: number } | { unknown: string });
  allowed_age_seconds: Record<BackupType, number>;
}

export interface Verified {
  cluster: string;
  repository: number;
  at: Moment;
  goodAt: Moment | null;
  errors: number;
  damaged: string[];
  findings: string[];
  late?: boolean;
}

export interface Answer {
  progress?: { done_bytes: number; of_bytes: number };
  busy?: { done_bytes: number; of_bytes: number };
  taken?: Shown['backups'][number];
  verified?: Verified;
  snapshot?: ShownLogSnapshot;
  left?: string[];
  failure?: string;
}

const EXIT_BUSY = 4;

/** What is in the repositories, asked of the scheduler's container. */
export async function showBackups(instance: Instance): Promise<Shown> {
  const [answer] = await askScheduler<Shown>(instance, ['show']);
  if (!answer) throw new UserError('the scheduler of backups gave no answer.', ['Look:  ./holdfast logs backup-scheduler']);
  return answer;
}

/** Has a program run beside the scheduler, and hands on its answers. Throws what it failed for. */
export async function askScheduler<T extends object = Answer>(instance: Instance, words: readonly string[], onAnswer: (answer: T) => void = () => undefined): Promise<T[]> {
  const { command, environment } = instance.composeCommand(['exec', '-T', 'backup-scheduler', 'node', '--disable-warning=ExperimentalWarning', '/app/backups/scheduler/by-hand.ts', ...words]);
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn('docker', command, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  const answers: T[] = [];
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk));
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const answer = JSON.parse(line) as T;
    answers.push(answer);
    onAnswer(answer);
  }
  const exitCode = await ended;
  if (exitCode === 0) return answers;
  const last = answers.at(-1) as Answer | undefined;
  if (exitCode === EXIT_BUSY) throw new UserError(`another backup of this cluster is being taken${last?.busy ? share(last.busy) : ''}.`, ['Watch it:  ./holdfast backups'], EXIT_BUSY);
  if (last?.failure !== undefined) throw new UserError(`${last.failure}.`, ['Look:  ./holdfast logs backup-scheduler']);
  throw new UserError(`the scheduler of backups does not answer: ${complaint.trim().slice(-300) || `status ${exitCode}`}.`, ['Is it there?  ./holdfast status', 'Start it:     ./holdfast up']);
}

export function share({ done_bytes, of_bytes }: { done_bytes: number; of_bytes: number }): string {
  return of_bytes > 0 ? ` (${Math.min(100, Math.floor((done_bytes / of_bytes) * 100))} % of ${size(of_bytes)})` : '';
}

export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power > 0 && value < 10 ? 1 : 0)} ${units[power]}`;
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

export function days(count: number): string {
  return count === 1 ? '1 day' : `${count} days`;
}
