import { spawn } from 'node:child_process';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { archiveUntilNow, leaderOf } from './ask-leader.ts';
import { isLedger } from './new-epoch.ts';
import type { RestorePoint } from './starting-point.ts';

/** What every posting holds shared: services/transactions/migrations/0006_move_buckets.sql. */
const POSTINGS_LOCK = 4_706_002;
/** Postings wait no longer than this for a restore point; then it is given up, and they go on. */
const BARRIER_MAX_S = 2;
const ATTEMPTS = 5;

const fileOf = (instance: Pick<Instance, 'directory'>): string => join(instance.directory, 'restore-points.json');

export async function readPoints(instance: Pick<Instance, 'directory'>): Promise<RestorePoint[]> {
  const text = await readFile(fileOf(instance), 'utf8').catch(() => '[]');
  return JSON.parse(text) as RestorePoint[];
}

/**
 * One point in all clusters, between two moments in which no posting is under way anywhere: so a transfer whose first half is before it on one shard and whose
 * second is not, is in transit, and is brought to its end after a restore; the other way round it cannot be.
 */
export async function makePoint(instance: Instance, name: string, by: string, say: (detail: string) => void): Promise<{ point: RestorePoint; held_ms: number }> {
  const points = await readPoints(instance);
  if (points.some((point) => point.name === name)) throw new UserError(`there is a restore point "${name}" already.`, ['Choose another name; all of them:  ./holdfast restore --list'], 2);
  const leaders = await Promise.all(Object.keys(instance.clusters).map(async (cluster) => ({ cluster, ...(await leaderOf(instance, cluster)) })));
  const silent = leaders.filter(({ answers }) => !answers);
  if (silent.length > 0) throw new UserError(`${silent.map(({ cluster }) => cluster).join(', ')} has no leader that answers: there is no restore point without it.`, ['Look:  ./holdfast status']);

  const sessions = leaders.map(({ cluster, node }) => ({ cluster, node, session: new Session(instance, node, isLedger(cluster) ? 'ledger' : 'postgres') }));
  try {
    await Promise.all(sessions.map(({ session }) => session.ask('SELECT 1')));
    say('waiting for a moment between postings');
    const began_ms = await barrier(sessions.filter(({ cluster }) => isLedger(cluster)).map(({ session }) => session));
    const lsn = Object.fromEntries(await Promise.all(sessions.map(async ({ cluster, session }) => [cluster, await session.ask(`SELECT pg_create_restore_point('${name}')`)] as const)));
    const at = new Date().toISOString();
    await Promise.all(sessions.filter(({ cluster }) => isLedger(cluster)).map(({ session }) => session.ask('COMMIT; SELECT 1')));
    const held_ms = Date.now() - began_ms;
    const point = { name, at, lsn, by };
    await writeFile(`${fileOf(instance)}.new`, `${JSON.stringify([...points, point], null, 2)}\n`, { mode: 0o600 });
    await rename(`${fileOf(instance)}.new`, fileOf(instance));
    for (const { cluster, node } of sessions) {
      say(`archiving the WAL of ${cluster}`);
      await archiveUntilNow(instance, node);
    }
    return { point, held_ms };
  } finally {
    for (const { session } of sessions) session.end();
  }
}

/** All locks or none for long: two commands that each had half would wait for each other. Resolves with when the first was asked for. */
async function barrier(sessions: readonly Session[]): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const began_ms = Date.now();
    try {
      for (const session of sessions) await session.ask(`BEGIN; SET LOCAL lock_timeout = '${BARRIER_MAX_S}s'; SELECT pg_advisory_xact_lock(${POSTINGS_LOCK})`);
      return began_ms;
    } catch (cause) {
      for (const session of sessions) await session.ask('ROLLBACK; SELECT 1');
      if (attempt >= ATTEMPTS) throw new UserError(`no moment between postings was found: ${(cause as Error).message}`, ['A bucket that is moving holds it up; try again:  ./holdfast restore-point NAME']);
    }
  }
}

/** psql at a leader that keeps its transaction between two questions. */
class Session {
  private readonly child: ReturnType<typeof spawn>;
  private readonly lines: AsyncIterator<string>;
  private said = '';

  constructor(instance: Instance, node: string, database: string) {
    const { command, environment } = instance.composeCommand(['exec', '-T', node, 'psql', '-X', '-q', '-A', '-t', '-h', '/run/postgresql', '-U', 'postgres', '-d', database]);
    this.child = spawn('docker', command, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    this.child.stdin?.on('error', () => undefined);
    this.child.stderr?.on('data', (chunk: Buffer) => { this.said += chunk.toString(); });
    if (!this.child.stdout) throw new Error('psql has no output');
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** The last line of the answer. Throws with what Postgres said if one of the statements failed. */
  async ask(sql: string): Promise<string> {
    this.said = '';
    this.child.stdin?.write(`${sql};\n\\echo :ERROR\n`);
    let last = '';
    for (;;) {
      const { value, done } = await this.lines.next() as IteratorResult<string, undefined>;
      if (done === true || value === undefined) throw new Error(`psql ended: ${this.said.trim()}`);
      if (value === 'false') return last;
      if (value === 'true') throw new Error(this.said.trim() || 'a statement failed');
      if (value !== '') last = value;
    }
  }

  end(): void {
    this.child.stdin?.end('\\q\n');
  }
}
