import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { clustersOf, LEDGERS_AT_FIRST } from '../components.ts';
import { faultOfHistory } from './history.ts';
import { certificate } from './identity.ts';
import { SetupError } from './patience.ts';

/** Any number serves, as long as nothing else takes it as an advisory lock in these databases. */
const MIGRATION_LOCK = 4_601_2026;

/** As the transactions service is told of them: `host:port`, one a shard. */
const ledgers = process.env.LEDGER_SHARDS?.split(',').length ?? LEDGERS_AT_FIRST;
const clusters = clustersOf(ledgers);

const databases = [
  ...['users', 'reporting', 'audit'].map((service) => ({ cluster: 'core', database: service, service })),
  ...Array.from({ length: ledgers }, (_, shard) => ({ cluster: `ledger${shard}`, database: 'ledger', service: 'transactions' })),
];

/** Brings every database to the newest migration of its service. Forward only: see `applyMigrations`. */
export async function migrateAll(): Promise<string> {
  let applied = 0;
  for (const { cluster, database, service } of databases) {
    const { address, leaderPort } = clusters[cluster] ?? {};
    if (address === undefined || leaderPort === undefined) throw new SetupError(`there is no cluster ${cluster}`);
    // A copy: pg hides the key of the object that it is given, and Kafka's client would then connect without one.
    const client = new pg.Client({ host: address, port: leaderPort, database, user: 'setup', ssl: { ...certificate }, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined); // A lost connection fails the query in hand, and so the step; without a listener it would end the process.
    await client.connect();
    try {
      const shard = cluster.startsWith('ledger') ? Number(cluster.slice('ledger'.length)) : 0;
      await client.query(`SELECT set_config('holdfast.shard', $1, false)`, [String(shard)]);
      applied += await applyMigrations(client, join(import.meta.dirname, '../../services', service, 'migrations'));
    } finally {
      await client.end();
    }
  }
  return applied === 0 ? 'all databases are at their newest migration' : `${applied} migrations applied`;
}

/**
 * Applies the SQL files of a directory in the order of their names, each in its own transaction and once, under one lock.
 * An applied file that was changed or removed since stops the job: history is not rewritten, a new migration is (`faultOfHistory`).
 * A migration can read its ledger shard's number from the setting `holdfast.shard`.
 */
export async function applyMigrations(client: pg.Client, directory: string): Promise<number> {
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const known = await client.query<{ name: string; sha256: string }>('SELECT name, sha256 FROM schema_migrations ORDER BY name');
    const files = await readMigrations(directory);
    const fault = faultOfHistory(known.rows, files, process.env.SETUP_GOES_BACK === 'yes');
    if (fault) throw new SetupError(fault);
    const pending = [...files].filter(([name]) => !known.rows.some((row) => row.name === name));
    for (const [name, { sql, sha256 }] of pending) await applyOne(client, name, sql, sha256);
    return pending.length;
  } finally {
    // On a lost connection the lock is gone with it, and its fault is the one to tell.
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
  }
}

async function applyOne(client: pg.Client, name: string, sql: string, sha256: string): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query('INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)', [name, sha256]);
    await client.query('COMMIT');
  } catch (error) {
    // A lost connection is worth another try; a fault that Postgres names is a fault of the migration.
    await client.query('ROLLBACK').catch(() => undefined);
    const fault = error as pg.DatabaseError;
    if (fault.code && !fault.code.startsWith('08') && !fault.code.startsWith('57')) {
      throw new SetupError(`migration ${name}: ${fault.message} (SQLSTATE ${fault.code}, character ${fault.position ?? '?'})`);
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
    return [name, { sql, sha256: createHash('sha256').update(sql).digest('hex') }] as const;
  })));
}
