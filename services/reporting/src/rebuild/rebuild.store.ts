import type { Position } from '@holdfast/kit/events';
import type { Connection, Database } from '@holdfast/kit/postgres';

/** One rebuild at a time. Any number will do, as long as nobody else takes it in this database. */
export const REBUILD_LOCK = 4_706_201;

/** How many differences are told one by one. */
export const DIFFERENCES_TOLD = 20;

/** Where each shard stands: the epoch, and the number of the event in it. */
export type Positions = ReadonlyMap<number, Position>;

/** Whether who stands at `one` has all that who stands at `other` has, or what has taken its place since. */
export function hasReached(one: Position | undefined, other: Position): boolean {
  if (one === undefined) return false;
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.sequence >= other.sequence);
}

export async function beginRebuild(database: Database): Promise<void> {
  await database.query('SELECT public.begin_rebuild()');
}

export async function abandonRebuild(database: Database): Promise<void> {
  await database.query('SELECT public.abandon_rebuild()');
}

/** Up to where the read models of a schema are built, by shard. */
export async function readPositions(connection: Connection, schema: 'public' | 'rebuild', topic: string): Promise<Positions> {
  const rows = await connection.query<{ shard: number; epoch: number; sequence: bigint }>(`SELECT shard, epoch, sequence FROM ${schema}.consumer_position WHERE topic = $1`, [topic]);
  return new Map(rows.map(({ shard, epoch, sequence }) => [shard, { epoch, sequence }]));
}

/**
 * From now until the end of the transaction nobody applies events to the old read models; they are read as ever. Those who apply wait, and are told that the
 * database took too long if it lasts: then they come again.
 */
export async function holdStill(connection: Connection): Promise<void> {
  await connection.query('LOCK TABLE public.consumer_position IN EXCLUSIVE MODE');
}

export async function finishRebuild(connection: Connection): Promise<void> {
  await connection.query('SELECT public.finish_rebuild()');
}

export interface Difference { kind: 'account' | 'line'; id: string; why: string }

// The new may be ahead of the old, never behind it. Where an account's last event is the same on both sides, all of it must be; where the new is ahead, the new has a
// line that leaves the balance that the old one shows. Versions, by which answers are cached, begin anew and are not compared.
const ACCOUNTS = `
  SELECT coalesce(old.account_id, new.account_id)::text AS id,
         CASE WHEN new.account_id IS NULL THEN 'no event tells of it'
              WHEN old.account_id IS NULL THEN 'was not there'
              WHEN old.entry_version > new.entry_version THEN format('showed entry %s, and the last is %s', old.entry_version, new.entry_version)
              WHEN old.entry_version = new.entry_version AND old.balance_minor <> new.balance_minor THEN format('showed a balance of %s, and has %s', old.balance_minor, new.balance_minor)
              WHEN old.entry_version < new.entry_version AND old.changed_at = new.changed_at THEN format('showed entry %s, and the last is %s', old.entry_version, new.entry_version)
              WHEN old.entry_version < new.entry_version AND old.entry_version > 0 AND line.balance_after_minor IS DISTINCT FROM old.balance_minor
                THEN format('showed a balance of %s after entry %s, which left %s', old.balance_minor, old.entry_version, line.balance_after_minor)
              ELSE 'showed another owner, currency, state, limit or reserve' END AS why
    FROM public.account_balances AS old FULL JOIN rebuild.account_balances AS new USING (account_id)
    LEFT JOIN rebuild.statement_lines AS line ON line.account_id = old.account_id AND line.entry_version = old.entry_version
   WHERE new.account_id IS NULL
      OR (old.account_id IS NULL AND new.changed_at < $1)
      OR old.entry_version > new.entry_version
      OR (old.entry_version = new.entry_version AND old.balance_minor <> new.balance_minor)
      OR (old.entry_version < new.entry_version AND (old.changed_at = new.changed_at OR (old.entry_version > 0 AND line.balance_after_minor IS DISTINCT FROM old.balance_minor)))
      OR (old.changed_at = new.changed_at AND old.entry_version = new.entry_version
          AND (old.owner, old.kind, old.opened_at, old.currency, old.status, old.overdraft_limit_minor, old.held_minor)
              IS DISTINCT FROM (new.owner, new.kind, new.opened_at, new.currency, new.status, new.overdraft_limit_minor, new.held_minor))`;

const LINES = `
  SELECT format('%s entry %s', account_id, entry_version) AS id,
         CASE WHEN new.transfer_id IS NULL THEN 'no event tells of it' WHEN old.transfer_id IS NULL THEN 'was missing' ELSE 'was another one' END AS why
    FROM public.statement_lines AS old FULL JOIN rebuild.statement_lines AS new USING (account_id, entry_version)
   WHERE (new.transfer_id IS NULL)
      OR (old.transfer_id IS NULL AND new.occurred_at < $1)
      OR (old.transfer_id IS NOT NULL AND new.transfer_id IS NOT NULL
          AND (old.transfer_id, old.kind, old.counterparty, old.amount_minor, old.balance_after_minor, old.reference, old.external_reference, old.occurred_at)
              IS DISTINCT FROM (new.transfer_id, new.kind, new.counterparty, new.amount_minor, new.balance_after_minor, new.reference, new.external_reference, new.occurred_at))`;

/**
 * How the old read models differ from the new ones, which stand at least where the old ones did. What the new one alone has counts if it happened before
 * `before`: what has come since may just not have reached the old one.
 */
export async function compareModels(connection: Connection, before: Date): Promise<{ count: number; first: Difference[]; accounts: number; lines: number }> {
  const first: Difference[] = [];
  let count = 0;
  for (const [kind, sql] of [['account', ACCOUNTS], ['line', LINES]] as const) {
    const rows = await connection.query<{ id: string; why: string; total: bigint }>(`SELECT *, count(*) OVER () AS total FROM (${sql}) AS difference LIMIT ${DIFFERENCES_TOLD}`, [before]);
    count += Number(rows[0]?.total ?? 0);
    first.push(...rows.map(({ id, why }) => ({ kind, id, why })));
  }
  const [sizes] = await connection.query<{ accounts: bigint; lines: bigint }>(
    'SELECT (SELECT count(*) FROM rebuild.account_balances) AS accounts, (SELECT count(*) FROM rebuild.statement_lines) AS lines');
  return { count, first: first.slice(0, DIFFERENCES_TOLD), accounts: Number(sizes?.accounts ?? 0), lines: Number(sizes?.lines ?? 0) };
}

export interface Head { account: string; version: string; balance: string }

/** Accounts of the ledger that the new read models do not show as it says: the entry with the ledger's number must leave the ledger's balance. */
export async function disagreeing(connection: Connection, heads: readonly Head[]): Promise<Head[]> {
  return connection.query<Head & Record<string, unknown>>(
    `SELECT account::text, ledger.version::text, ledger.balance::text FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS ledger (account, version, balance)
       LEFT JOIN rebuild.account_balances AS shown ON shown.account_id = account
       LEFT JOIN rebuild.statement_lines AS line ON line.account_id = account AND line.entry_version = ledger.version
      WHERE shown.account_id IS NULL OR (ledger.version > 0 AND line.balance_after_minor IS DISTINCT FROM ledger.balance)
         OR (shown.entry_version = ledger.version AND shown.balance_minor <> ledger.balance)`,
    [heads.map(({ account }) => account), heads.map(({ version }) => version), heads.map(({ balance }) => balance)]);
}
