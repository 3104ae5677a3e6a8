import { readFile } from 'node:fs/promises';
import { readUndertakings } from '../../platform/cli/restore/undertaking.ts';
import type { Invocation } from '../faults/history.ts';
import { CAUGHT_UP, MONEY_MOVES, POINT_IN_TIME_RESTORE } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { auditLacks } from './audit-trail.ts';
import type { Drill, Scene } from './drill.ts';
import { holdfast } from './holdfast.ts';

const SHARDS = ['ledger0', 'ledger1'] as const;
const REASON = 'somebody deleted accounts';
/** Writes between the point and the damage: they are lost on purpose, and listed. */
const AFTER_POINT = 30;
const DAMAGE = "SET session_replication_role = replica; DELETE FROM entries WHERE created_at > now() - interval '1 hour'; DELETE FROM accounts WHERE kind = 'customer'";

let point = new Date(0);
let listed = '';

export const pointInTimeRestore: Drill = {
  page: 'point-in-time-restore',
  budgetMs: POINT_IN_TIME_RESTORE,
  variables: { REASON },
  disaster: async ({ platform, acknowledged }) => {
    point = new Date();
    const then = acknowledged();
    await within(MONEY_MOVES, 'writes after the point', () => Promise.resolve(acknowledged() >= then + AFTER_POINT ? true : undefined));
    for (const shard of SHARDS) await platform.inside(await platform.leaderOf(shard), 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'ledger', '-c', DAMAGE);
    return { POINT: point.toISOString() };
  },
  restoresTo: async ({ platform: { instance } }, { steps }) => {
    listed = /\S+lost-transfers\.csv/.exec(steps.map(({ output }) => output).join('\n'))?.[0] ?? '';
    const placed = (await readUndertakings(instance)).at(-1)?.placed_at;
    if (placed === undefined) throw new Error('nothing was restored');
    return { moment_ms: point.getTime(), placed_ms: Date.parse(placed), isChosen: true };
  },
  alsoEqual: async ({ platform }, undone) => [...await unlisted(undone), ...await unaudited(platform), ...await auditLacks(platform), ...await unproven(platform)],
};

/** Each transfer that somebody was told of, and that is no longer there, stands in the file with its key. */
async function unlisted(undone: readonly Invocation[]): Promise<string[]> {
  const lines = new Set((await readFile(listed, 'utf8')).split('\n'));
  const transfers = undone.filter(({ verdict, wish }) => verdict === 'acknowledged' && wish.kind !== 'hold' && wish.kind !== 'void');
  if (transfers.length < AFTER_POINT / 2) return [`only ${transfers.length} transfers were undone: there was next to nothing to list`];
  const isListed = ({ subjectId = '', key }: Invocation): boolean => [...lines].some((line) => line.includes(subjectId) && line.includes(key));
  return transfers.filter((one) => !isListed(one)).map(({ key, subjectId }) => `${subjectId} was undone, and ${listed} does not name it with its key ${key}`);
}

/** The trail tells of each cluster who restored it, and why. */
async function unaudited(platform: Scene['platform']): Promise<string[]> {
  let missing: string[] = [];
  await within(CAUGHT_UP, 'the restore in the audit trail', async () => {
    const rows = await platform.query<{ event: string }>('core', 'audit', "SELECT event FROM audit_log WHERE type = 'stream.restored' ORDER BY sequence DESC LIMIT 10");
    missing = ['core', ...SHARDS].filter((cluster) => !rows.some(({ event }) => event.includes(`"${cluster}"`) && event.includes(REASON)));
    return missing.length === 0 ? true : undefined;
  }).catch(() => undefined);
  return missing.map((cluster) => `the audit trail does not tell that ${cluster} was restored`);
}

/** What is backed up from now on can be proven as before, though some of what was written down is undone. */
async function unproven(platform: Scene['platform']): Promise<string[]> {
  const { exitCode, stdout } = await holdfast(platform, 'prove-restore');
  return exitCode === 0 ? [] : [`no restore can be proven any more: ${stdout.slice(0, 1_000)}`];
}
