import { randomBytes } from 'node:crypto';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

/** What no service can do and a person at the machine can: Postgres by its superuser, through the socket in the node's container. */
export function asSuperuser(platform: Platform, node: string, database: string, ...statements: string[]): Promise<string> {
  return platform.inside(node, ...psql(database, statements));
}

export async function onLeader(platform: Platform, cluster: string, database: string, ...statements: string[]): Promise<string> {
  return asSuperuser(platform, await platform.leaderOf(cluster), database, ...statements);
}

/** The node that does not lead. */
export async function replicaOf(platform: Platform, cluster: string): Promise<string> {
  return (await platform.leaderOf(cluster)) === `${cluster}-a` ? `${cluster}-b` : `${cluster}-a`;
}

/** WAL that says nothing: a segment has 16 MiB. */
export async function writeWal(platform: Platform, cluster: string, mebibytes: number): Promise<void> {
  await onLeader(platform, cluster, 'postgres', `SELECT pg_logical_emit_message(false, 'alert-test', repeat('w', 1048576)) FROM generate_series(1, ${mebibytes})`, 'SELECT pg_switch_wal()');
}

/** A session that stays, with what it holds, until it is ended, or for half an hour. */
export class HeldSession {
  private readonly name = `alert-test-${randomBytes(4).toString('hex')}`;
  private node = '';

  /** Returns when all statements are done. */
  async open(platform: Platform, cluster: string, database: string, ...statements: string[]): Promise<void> {
    this.node = await platform.leaderOf(cluster);
    await platform.instance.compose(['exec', '-d', this.node, ...psql(database, [`SET application_name = '${this.name}'`, ...statements, 'SELECT pg_sleep(1800)'])]);
    await within(10_000, `a session in ${this.node} to hold what it is to hold`, async () => ((await this.count(platform, "wait_event = 'PgSleep'")) === 1 ? true : undefined));
  }

  async end(platform: Platform): Promise<void> {
    if (this.node === '') return;
    await asSuperuser(platform, this.node, 'postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${this.name}'`);
    this.node = '';
  }

  private async count(platform: Platform, condition: string): Promise<number> {
    return Number(await asSuperuser(platform, this.node, 'postgres', `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${this.name}' AND ${condition}`));
  }
}

function psql(database: string, statements: readonly string[]): string[] {
  return ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', database, ...statements.flatMap((statement) => ['-c', statement])];
}
