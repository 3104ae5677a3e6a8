import { setTimeout as pause } from 'node:timers/promises';
import type { Instance } from '../instance.ts';
import { clusterNamed } from '../cluster/nodes.ts';
import { inside } from '../containers.ts';
import { membersOf } from './place.ts';

const ARCHIVED_WITHIN_MS = 30_000;

export interface Leader { node: string; answers: boolean }

/** The node that leads, and whether it answers; without one, the first, with which a restore begins then. */
export async function leaderOf(instance: Instance, cluster: string): Promise<Leader> {
  const { nodes } = clusterNamed(cluster, instance);
  for (const node of nodes) {
    const leader = (await membersOf(instance, node)).find(({ role, state }) => role === 'leader' && state === 'running');
    if (leader) return { node: leader.name, answers: (await askNode(instance, leader.name, 'postgres', 'SELECT 1')) === '1' };
  }
  return { node: nodes[0], answers: false };
}

/** As the local superuser, columns parted by `|`. Undefined if there is no answer. */
export async function askNode(instance: Instance, node: string, database: string, sql: string): Promise<string | undefined> {
  const { exitCode, stdout } = await inside(instance, node, ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', database, '-f', '-'], { input: sql });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/**
 * Sees to it that all of a cluster's WAL until now is in the archive, and that there is a transaction in it which is later than any point until now: recovery knows
 * that it has reached a time by the first transaction after it. False if it is not there in time; then the archive ends where it ends.
 */
export async function archiveUntilNow(instance: Instance, node: string): Promise<boolean> {
  const segment = await askNode(instance, node, 'postgres', 'SET synchronous_commit = local; BEGIN; SELECT pg_current_xact_id() IS NULL; COMMIT; SELECT pg_walfile_name(pg_current_wal_insert_lsn()); SELECT pg_switch_wal() IS NULL;');
  const name = segment?.split('\n').find((line) => /^[0-9A-F]{24}$/.test(line));
  if (name === undefined) return false;
  for (const deadline = Date.now() + ARCHIVED_WITHIN_MS; Date.now() < deadline; await pause(250)) {
    if (await askNode(instance, node, 'postgres', `SELECT last_archived_wal >= '${name}' FROM pg_stat_archiver`) === 't') return true;
  }
  return false;
}
