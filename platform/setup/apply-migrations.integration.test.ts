import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../services/kit/src/postgres.ts';
import { ThrowawayPostgres } from '../../services/kit/src/testing/throwaway-postgres.ts';
import { applyMigrations, type Order, type Session } from './apply-migrations.ts';

let postgres: ThrowawayPostgres;
let database: Database;
let order: Order;

beforeAll(async () => {
  const nothing = await mkdtemp(join(tmpdir(), 'holdfast-no-migrations-'));
  postgres = await ThrowawayPostgres.start({ database: 'ledger', role: 'migrator', migrations: nothing });
  await rm(nothing, { recursive: true });
  await postgres.sql('postgres', 'GRANT CREATE, USAGE ON SCHEMA public TO migrator', 'ledger');
  database = postgres.database({ database: 'ledger', user: 'migrator' });
}, 120_000);

afterAll(() => postgres?.stop());

beforeEach(async () => {
  await database.query('DROP TABLE IF EXISTS schema_migrations, accounts');
  if (order) await rm(order.directory, { recursive: true });
  order = { directory: await mkdtemp(join(tmpdir(), 'holdfast-migrations-')), service: 'transactions', cluster: 'ledger1' };
  await write('0001_accounts.sql', 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL); INSERT INTO accounts VALUES (1, 0), (2, 5)');
});

test('each migration is applied once', async () => {
  expect(await migrate()).toBe(1);
  expect(await migrate()).toBe(0);
});

test('of a migration that fails half-way something would stay, or one before it would be lost', async () => {
  await write('0002_currency.sql', "ALTER TABLE accounts ADD COLUMN currency text NOT NULL DEFAULT 'EUR'");
  await write('0003_share.sql', 'ALTER TABLE accounts ADD COLUMN share int; UPDATE accounts SET balance = 7; UPDATE accounts SET share = 1 / (id - 2)');
  await write('0004_never.sql', 'DROP TABLE accounts');
  await expect(migrate()).rejects.toThrow('migration transactions/0003_share.sql failed on ledger1 and was rolled back: division by zero (SQLSTATE 22012)');
  expect(await database.query('SELECT * FROM accounts ORDER BY id')).toEqual([{ id: 1, balance: 0, currency: 'EUR' }, { id: 2, balance: 5, currency: 'EUR' }]);
  expect(await database.query('SELECT name FROM schema_migrations ORDER BY name')).toEqual([{ name: '0001_accounts.sql' }, { name: '0002_currency.sql' }]);
});

test('after a failure the earlier version could not go on, or would do so unasked', async () => {
  await migrate();
  const earlier = order;
  order = { ...order, directory: await mkdtemp(join(tmpdir(), 'holdfast-migrations-')) };
  await write('0001_accounts.sql', 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL); INSERT INTO accounts VALUES (1, 0), (2, 5)');
  await write('0002_currency.sql', 'ALTER TABLE accounts ADD COLUMN currency text');
  await write('0003_share.sql', 'SELECT 1 / 0');
  await expect(migrate()).rejects.toThrow('0003_share.sql failed');
  await rm(order.directory, { recursive: true });
  order = earlier;
  await expect(migrate()).rejects.toThrow('./holdfast up --go-back');
  order = { ...earlier, goingBack: true };
  expect(await migrate()).toBe(0);
});

test('a migration that commits in the middle could not be rolled back', async () => {
  await write('0002_half.sql', 'ALTER TABLE accounts ADD COLUMN half text;\n  commit;\nSELECT 1 / 0');
  await expect(migrate()).rejects.toThrow('0002_half.sql: a migration is one transaction');
});

test('a migration that waits for a busy table keeps those who pay waiting no longer than two seconds, and may try again', async () => {
  await migrate();
  await write('0002_currency.sql', 'ALTER TABLE accounts ADD COLUMN currency text');
  await database.transaction(async (busy) => {
    await busy.query('UPDATE accounts SET balance = balance + 1');
    // As Postgres says it, and no `SetupError`: so `withinBudget` repeats it.
    await expect(migrate()).rejects.toMatchObject({ code: '55P03' });
  });
  expect(await migrate()).toBe(1);
});

async function write(name: string, sql: string): Promise<void> {
  await writeFile(join(order.directory, name), sql);
}

/** On one connection, as the setup job has it. What it rejects with is handed on as it is: a session of the kit would put it into words of its own. */
async function migrate(): Promise<number> {
  const outcome = await database.session(async (connection) => {
    const session: Session = { query: async <Row extends object>(sql: string, values: unknown[] = []) => ({ rows: await connection.query<Row>(sql, values) }) };
    return applyMigrations(session, order).catch((error: unknown) => error as Error);
  });
  if (typeof outcome !== 'number') throw outcome;
  return outcome;
}
