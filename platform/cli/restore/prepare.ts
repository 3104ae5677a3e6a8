import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { must } from '../run.ts';
import { BEGIN_EPOCH, databaseWithEvents, isLedger } from './new-epoch.ts';
import type { StartingPoint } from './starting-point.ts';
import type { Target } from './target.ts';
import type { ClusterUndertaking, Recovered, Undertaking } from './undertaking.ts';
import { AREA, HOME, PREPARED, Workshop } from './workshop.ts';

/** Two cores, of which the platform wants its part. */
const PROCESSES = 2;
const LOOK_EVERY_MS = 250;
/** How far before the end of what was recovered a transfer may have begun that was not committed by then: no posting takes longer. */
export const UNDER_WAY_S = 600;

/** Options of `pgbackrest restore` that end recovery at a target and open the database there. */
export function optionsOf(target: Target, { timeline }: Pick<StartingPoint, 'timeline'>): string[] {
  const line = timeline === 'latest' ? [] : [`--target-timeline=${timeline}`];
  switch (target.kind) {
    case 'latest': return ['--type=default'];
    case 'time': return ['--type=time', `--target=${target.at.replace('T', ' ').replace('Z', '+00')}`, '--target-action=promote', ...line];
    case 'lsn': return ['--type=lsn', `--target=${target.lsn}`, '--target-action=promote', ...line];
    case 'name': return ['--type=name', `--target=${target.name}`, '--target-action=promote', ...line];
  }
}

/** Copies the backup to a directory of its own in the node's volume, and tells how much of it is copied. Interrupted and run again, it copies what is missing. */
export async function fetch(instance: Instance, part: ClusterUndertaking, say: (detail: string) => void, at?: (percent: number) => void): Promise<void> {
  await Promise.all([
    Workshop.use(instance, part.node, (workshop) => fetchInto(workshop, part, say, at)),
    // Room for the copies of the others; their volumes are made, with the right owner, if they were lost.
    ...part.others.map((other) => Workshop.use(instance, other, (workshop) => workshop.sh(`mkdir -p -m 0700 ${AREA}`))),
  ]);
}

async function fetchInto(workshop: Workshop, { cluster, source }: ClusterUndertaking, say: (detail: string) => void, at?: (percent: number) => void): Promise<void> {
  if (source.kind === 'kept') {
    await workshop.sh(`mkdir -p -m 0700 ${AREA}; [ -e ${PREPARED} ] || mv "${HOME}/kept/$1" ${PREPARED}`, source.by);
    return;
  }
  // Without either of these pgBackRest would not take what lies there for part of a database, and refuse.
  const begun = await workshop.sh(`
    mkdir -p -m 0700 ${PREPARED}
    if [ -e ${PREPARED}/backup.manifest ] || [ -e ${PREPARED}/PG_VERSION ]; then echo yes; else rm -rf ${PREPARED}; mkdir -m 0700 ${PREPARED}; fi`);
  // What was there already is passed over much faster than the rest will come.
  const tell = begun === 'yes' ? undefined : at;
  tell?.(0);
  const { exitCode, said } = await workshop.watch([
    'pgbackrest', `--stanza=${cluster}`, `--pg1-path=${PREPARED}`, `--process-max=${PROCESSES}`, '--log-level-console=detail', `--set=${source.backup}`,
    ...(begun === 'yes' ? ['--delta'] : []), ...source.options, 'restore',
  ], (line) => {
    const [, percent] = /\((?:[^()]*), (\d+(?:\.\d+)?)%\)/.exec(line) ?? [];
    if (percent === undefined) return;
    tell?.(Number(percent));
    say(`${Math.floor(Number(percent) / 10) * 10} % of backup ${source.backup}`);
  });
  if (exitCode !== 0) throw unfetched(cluster, said);
}

/** Why pgBackRest did not restore, from the end of what it said. */
export function unfetched(cluster: string, said: readonly string[]): UserError {
  const text = said.join('\n');
  const quoted = said.slice(-8).map((line) => `| ${line}`);
  if (text.includes(DISK_FULL)) return fullDisk(`the backup of ${cluster}`);
  if (UNREACHABLE.test(text)) return new UserError(`the backup repository went away while ${cluster} was restored from it (${UNREACHABLE.exec(text)?.[0]}).`, [REPOSITORY_BACK, ...UNHARMED]);
  if (/cipher|decrypt/i.test(text)) return new UserError(`the backup of ${cluster} cannot be decrypted: it was written with another key, or was damaged.`, [...quoted, ...UNHARMED]);
  return new UserError(`the backup of ${cluster} could not be restored. The end of what pgBackRest said:`, [...quoted, ...UNHARMED]);
}

const DISK_FULL = 'No space left on device';

function fullDisk(what: string): UserError {
  return new UserError(`the disk is full: ${what} does not fit beside the data that is there.`, ['What Docker could free:  docker system df', ...UNHARMED]);
}

/** What pgBackRest says where nobody answers in the place of the repository, or stops answering. */
const UNREACHABLE = /unable to (?:connect to|get address for) '[^']+'|unexpected eof|connection reset by peer|remote-0 [^\n]*terminated unexpectedly|timeout after \d+ms waiting for (?:read|write)/i;
const REPOSITORY_BACK = 'Start it again:  ./holdfast restart pgbackrest';

const UNHARMED = ['The old data was not touched.', 'Try again:   ./holdfast restore --resume', 'Or give up:  ./holdfast restore --undo'];

/** What a recovery and those who are still served have to tell each other. */
export interface Gates {
  /** The WAL is being replayed: to the point it is not far any more. */
  begun(): void;
  /** Before it is opened. */
  mayOpen(): Promise<void>;
}

/**
 * Replays the WAL up to the target in a Postgres that nobody can reach and that archives nothing, opens it, once it may, on a timeline of its own, proves that the
 * target was reached, begins a new epoch of events, and stops it cleanly. Patroni is not asked: it would ignore the target and replay to the end.
 */
export async function recover(
  instance: Instance, undertaking: Undertaking, part: ClusterUndertaking, say: (detail: string) => void, { begun, mayOpen }: Partial<Gates> = {},
): Promise<{ recovered: Recovered; present: string[] }> {
  // Interrupted in the middle of it, there is no knowing how far Postgres had come: the files are brought back to those of the backup first.
  return Workshop.use(instance, part.node, async (workshop) => {
    const isSecondAttempt = (await workshop.sh(`[ ! -e ${AREA}/begun ] || echo yes; touch ${AREA}/begun`)) === 'yes';
    if (isSecondAttempt) await fetchInto(workshop, part, say);
    if (part.source.kind === 'kept') await beginRecoveryOfKept(workshop, part.cluster);
    // Settings of the last time, which Patroni would prefer to those of today.
    await workshop.sh(`rm -f ${PREPARED}/patroni.dynamic.json ${PREPARED}/standby.signal ${PREPARED}/postmaster.pid`);
    // Patroni names these by their place in the node's own data directory, of which nothing may be left.
    await workshop.start(`postgres -D ${PREPARED} -c hba_file=${PREPARED}/pg_hba.conf -c ident_file=${PREPARED}/pg_ident.conf -c listen_addresses= -c unix_socket_directories=/run/postgresql -c archive_command= -c synchronous_standby_names= \
      -c primary_conninfo= -c primary_slot_name= -c recovery_target_action=pause -c hot_standby=on -c max_wal_size=2GB > /tmp/postgres.log 2>&1; echo $? > /tmp/ended`);
    begun?.();
    await opened(workshop, part.cluster, say, mayOpen);
    const recovered = await describe(workshop, undertaking, part);
    const present = isLedger(part.cluster) ? await transfersOfTheEnd(workshop, recovered) : [];
    await workshop.sql('postgres', RESET_RECOVERY);
    await workshop.sh(`pg_ctl -D ${PREPARED} -m fast -w -t 120 stop > /dev/null; sync`);
    return { recovered, present };
  });
}

/** What an earlier restore has kept, opened again, goes on where it was, on a timeline that is newer than all there are: replicas and backups follow the newest. */
async function beginRecoveryOfKept(workshop: Workshop, cluster: string): Promise<void> {
  await workshop.sh(`
    touch ${PREPARED}/recovery.signal
    printf "%s\\n" "restore_command = 'pgbackrest --stanza=$1 --pg1-path=${PREPARED} archive-get %f \\"%p\\"'" "recovery_target_timeline = 'current'" >> ${PREPARED}/postgresql.auto.conf`, cluster);
}

/** At its target it waits; without one, as for the end of the archive, it opens by itself. */
async function opened(workshop: Workshop, cluster: string, say: (detail: string) => void, mayOpen?: () => Promise<void>): Promise<void> {
  for (;;) {
    const [state = '', until = ''] = (await workshop.sql('postgres', STATE_OF_REPLAY).catch(() => '')).split('|');
    if (state === 'opened') return;
    if (state === 'paused') {
      await mayOpen?.();
      await workshop.sql('postgres', 'SELECT pg_wal_replay_resume()');
    }
    if (until !== '') say(`replayed to ${until}`);
    const ended = await workshop.sh('cat /tmp/ended 2>/dev/null || true');
    if (ended !== '') throw refusalOf(cluster, await workshop.sh('tail -n 60 /tmp/postgres.log'));
    await pause(LOOK_EVERY_MS);
  }
}

const STATE_OF_REPLAY = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() ELSE 'opened' END, coalesce(to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')`;

/** Why Postgres did not open what was restored, from its log. */
export function refusalOf(cluster: string, log: string): UserError {
  // pgBackRest does not say there why it could not write.
  if (log.includes(DISK_FULL) || log.includes('[FileWriteError]')) return fullDisk(`the WAL of ${cluster} that leads to the point`);
  const [, last] = /last completed transaction was at log time ([^\n]+)/.exec(log) ?? [];
  const trouble = /ERROR: \[\d+\]: [^\n]+/.exec(log)?.[0];
  if (trouble !== undefined && /recovery ended before configured recovery target|could not locate required checkpoint|WAL ends before/.test(log)) {
    return new UserError(`the WAL of ${cluster} could not be read from the repository to its end: ${trouble}`, [REPOSITORY_BACK, ...UNHARMED]);
  }
  if (log.includes('recovery ended before configured recovery target was reached')) {
    return new UserError(`the WAL of ${cluster} that was archived ends before the target${last === undefined ? '' : `: its last transaction is of ${last.trim()}`}.`, [
      'The old data was not touched.', 'Give this up:                ./holdfast restore --undo', 'And take the end of it:      ./holdfast restore --to latest',
    ]);
  }
  if (log.includes('requested recovery stop point is before consistent recovery point')) {
    return new UserError(`the target lies within the backup of ${cluster} that was taken for it: it is good only from its end on.`, ['The old data was not touched.', 'Give this up, and name a later point:  ./holdfast restore --undo']);
  }
  return new UserError(`${cluster} could not be recovered. The end of what Postgres said:`, [...log.trim().split('\n').slice(-10).map((line) => `| ${line}`), ...UNHARMED]);
}

async function describe(workshop: Workshop, undertaking: Undertaking, part: ClusterUndertaking): Promise<Recovered> {
  const name = await workshop.sql('postgres', 'SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)');
  const history = historyOf(await workshop.sh(`cat ${PREPARED}/pg_wal/$1.history`, name));
  // Postgres ends with an error where the target is not reached; that it had one at all is seen here.
  if (part.source.kind === 'repository' && !part.source.options.includes('--type=default') && history.reason === 'no recovery target specified') {
    throw new UserError(`${part.cluster} was recovered to the end, as if no target had been given.`, UNHARMED);
  }
  const last = await workshop.sql('postgres', `SELECT coalesce(to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '')`);
  const timeline = Number.parseInt(name, 16);
  const [epoch = '', standsUntil = ''] = (await workshop.sql(databaseWithEvents(part.cluster), BEGIN_EPOCH, {
    restore_id: undertaking.id, timeline: String(timeline), cluster: part.cluster, restored_to: undertaking.to, last_transaction_at: last, lsn: history.lsn, by: undertaking.by, reason: undertaking.reason,
  })).split('\n').at(-1)?.split('|') ?? [];
  if (!/^\d+$/.test(epoch) || !/^\d+$/.test(standsUntil)) throw new Error(`the new epoch of ${part.cluster} was not begun`);
  return { timeline, from_timeline: history.from, lsn: history.lsn, last_transaction_at: last === '' ? null : last, epoch: Number(epoch), stands_until: standsUntil };
}

/** The last line of a timeline's history: the timeline that it left, where, and why. */
export function historyOf(text: string): { from: number; lsn: string; reason: string } {
  const [from = '', lsn = '', reason = ''] = text.trim().split('\n').at(-1)?.split('\t') ?? [];
  if (!/^\d+$/.test(from) || !lsn.includes('/')) throw new Error(`the history of a timeline says nothing: ${text.slice(0, 200)}`);
  return { from: Number(from), lsn, reason: reason.trim() };
}

async function transfersOfTheEnd(workshop: Workshop, { last_transaction_at: last }: Recovered): Promise<string[]> {
  const ids = await workshop.sql('ledger', `SELECT data->>'transfer_id' FROM outbox WHERE type = 'transfer.posted' AND occurred_at > ${last === null ? "'-infinity'" : `'${last}'::timestamptz - interval '${UNDER_WAY_S} s'`}`);
  return ids.split('\n').filter((id) => id !== '');
}

/** Should it ever follow another node, it must not stop at today's target. */
const RESET_RECOVERY = ['restore_command', 'recovery_target', 'recovery_target_time', 'recovery_target_lsn', 'recovery_target_name', 'recovery_target_xid', 'recovery_target_action', 'recovery_target_timeline', 'recovery_target_inclusive']
  .map((name) => `ALTER SYSTEM RESET ${name};`).join('\n') + '\nCHECKPOINT;';

/**
 * Gives the other nodes a copy: of a database that was stopped cleanly, so they follow the first from the very place. Their own rebuild would begin with the last
 * backup, which may be of the time that was undone.
 */
export async function copyToOthers(instance: Instance, { node, others }: ClusterUndertaking, say: (detail: string) => void): Promise<void> {
  const { HOLDFAST_REGISTRY = '', HOLDFAST_VERSION = '' } = instance.composeVariables();
  for (const other of others) {
    say(other);
    await must('docker', ['run', '--rm', '--network', 'none', '--memory', '256m', '--user', '6110:6110', '-v', `${instance.name}_${node}:/from:ro`, '-v', `${instance.name}_${other}:/to`,
      `${HOLDFAST_REGISTRY}holdfast/postgres:${HOLDFAST_VERSION}`, 'sh', '-euc', 'rm -rf /to/restore/data /to/restore/data.part; cp -a /from/restore/data /to/restore/data.part; mv /to/restore/data.part /to/restore/data; sync']);
  }
}

/** Removes what was prepared and not put in place. */
export async function clearAway(instance: Instance, { node, others }: ClusterUndertaking): Promise<void> {
  for (const one of [node, ...others]) {
    await Workshop.use(instance, one, (workshop) => workshop.sh(`rm -rf ${AREA}`));
  }
}
