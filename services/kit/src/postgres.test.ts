import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, translated, violatesUnique } from './postgres.ts';
import { Problem } from './problem.ts';

const failure = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });

describe('failures of the database', () => {
  test.each(['08006', '53300', '57P01', '57P03', '25006', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND'])('%s is 503 with Retry-After', (code) => {
    expect(translated(failure(code), 'users')).toMatchObject({ status: 503, code: 'database_unavailable', headers: { 'retry-after': '1' } });
  });

  test.each(['Connection terminated unexpectedly', 'timeout exceeded when trying to connect', 'Client has encountered a connection error and is not queryable'])('"%s" too', (message) => {
    expect(translated(new Error(message), 'users')).toBeInstanceOf(Problem);
  });

  test('a statement that took too long is told apart', () => {
    expect(translated(failure('57014'), 'users')).toMatchObject({ status: 503, code: 'database_timeout' });
  });

  test('a refused statement stays what it is', () => {
    const unique = Object.assign(failure('23505'), { constraint: 'people_email_key' });
    expect(translated(unique, 'users')).toBe(unique);
    expect(violatesUnique(unique, 'people_email_key')).toBe(true);
    expect(violatesUnique(unique, 'other')).toBe(false);
    expect(violatesUnique(undefined)).toBe(false);
  });
});

describe('a database that turns everybody away', () => {
  let knocks = 0;
  let server: Server;
  let directory: string;
  let database: Database;

  beforeEach(async () => {
    knocks = 0;
    server = createServer((socket) => { knocks++; socket.destroy(); });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    directory = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'));
    for (const name of ['ca.crt', 'tls.crt', 'tls.key']) writeFileSync(join(directory, name), '');
    database = new Database({ address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, database: 'ledger', user: 'transactions', directory });
  });

  afterEach(async () => {
    await database.close();
    server.close();
    rmSync(directory, { recursive: true });
  });

  const ask = (times: number): Promise<PromiseSettledResult<unknown>[]> => Promise.allSettled(Array.from({ length: times }, (_, index) => (index % 2 ? database.ping() : database.transaction(() => Promise.resolve()))));

  test('could hear a knock of each who waits, at the moment when it needs the processor to come back', async () => {
    await ask(50);
    expect(knocks).toBe(1);
    await ask(50);
    expect(knocks).toBe(2);
  });

  test('could leave somebody without an answer', async () => {
    const answers = await ask(50);
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(50);
    expect(answers[0]).toMatchObject({ reason: { status: 503, code: 'database_unavailable' } });
    await expect(database.listen('news', () => undefined, new AbortController().signal)).rejects.toMatchObject({ status: 503 });
  });
});
