import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faultOfHistory } from './history.ts';
import { SetupError } from './patience.ts';

/** One connection: what is begun on it is ended on it. */
export interface Session {
  query<Row extends object>(sql: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

export interface Order {
  /** Where the SQL files are. */
  readonly directory: string;
  /** For messages: whose files, and of which database, such as `transactions` and `ledger1`. */
  readonly service: string;
  readonly cluster: string;
  /** The database may be ahead of these files: it was a newer version's. */
  readonly goingBack?: boolean;
}

/** Any number serves, as long as nothing else takes it as an advisory lock in these databases. */
const MIGRATION_LOCK = 4_601_2026;
/** Who waits for a table keeps everybody waiting who comes after: a migration stands back after this long, and tries again. */
const GIVES_WAY_AFTER = '2s';
/** That wait was over, or it was chosen to end a deadlock; nothing was done. */
const GAVE_WAY = ['55P03', '40P01'];

/**
 * Applies the SQL files of a directory in the order of their names, each in its own transaction and once, under one lock. Of one that fails nothing stays; those before it do.
 * An applied file that was changed or removed since stops the job: history is not rewritten, a new migration is (`faultOfHistory`).
 * A migration can read its ledger shard's number from the setting `holdfast.shard`.
 */
export async function applyMigrations(session: Session, order: Order): Promise<number> {
  await session.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    await session.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const known = await session.query<{ name: string; sha256: string }>('SELECT name, sha256 FROM schema_migrations ORDER BY name');
    const files = await readMigrations(order.directory);
    const fault = faultOfHistory(known.rows, files, order.goingBack === true);
    if (fault) throw new SetupError(`${order.service}, on ${order.cluster}: ${fault}`);
    const pending = [...files].filter(([name]) => !known.rows.some((row) => row.name === name));
    for (const [name, { sql, sha256 }] of pending) await applyOne(session, order, { name, sql, sha256 });
    return pending.length;
  } finally {
    // On a lost connection the lock is gone with it, and its fault is the one to tell.
    await session.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
  }
}

async function applyOne(session: Session, { service, cluster }: Order, { name, sql, sha256 }: { name: string; sql: string; sha256: string }): Promise<void> {
  try {
    await session.query('BEGIN');
    await session.query(`SET LOCAL lock_timeout = '${GIVES_WAY_AFTER}'`);
    await session.query(sql);
    await session.query('INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)', [name, sha256]);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    const fault = error as { code?: string; message: string; position?: string };
    // A lost connection and a busy table are worth another try; any other fault that Postgres names is one of the migration.
    if (fault.code && !GAVE_WAY.includes(fault.code) && !fault.code.startsWith('08') && !fault.code.startsWith('57')) {
      const where = fault.position === undefined ? '' : `, character ${fault.position}`;
      throw new SetupError(`migration ${service}/${name} failed on ${cluster} and was rolled back: ${fault.message} (SQLSTATE ${fault.code}${where})`);
    }
    throw error;
  }
}

async function readMigrations(directory: string): Promise<Map<string, { sql: string; sha256: string }>> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted();
  const wrong = names.find((name) => !/^\d{4}_[a-z0-9_]+\.sql$/.test(name));
  if (wrong) throw new SetupError(`${directory}/${wrong}: a migration is named like 0001_what_it_does.sql`);
  return new Map(await Promise.all(names.map(async (name) => {
    const sql = await readFile(join(directory, name), 'utf8');
    // What was committed in the middle could not be rolled back.
    if (/^\s*(COMMIT|ROLLBACK)\b/im.test(sql)) throw new SetupError(`${directory}/${name}: a migration is one transaction, and neither commits nor rolls back by itself`);
    return [name, { sql, sha256: createHash('sha256').update(sql).digest('hex') }] as const;
  })));
}
