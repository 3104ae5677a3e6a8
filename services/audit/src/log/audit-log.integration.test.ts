import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReceivedEvent } from '@holdfast/kit/kafka';
import type { Database } from '@holdfast/kit/postgres';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { appendEvents } from './append-events.ts';
import { moveIndexPosition, readEntries, readIndexPosition, readLastSequence } from './log.store.ts';
import { verifyLog } from './verify-log.ts';

let postgres: ThrowawayPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({ database: 'audit', role: 'audit', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)) });
  database = postgres.database({ database: 'audit', user: 'audit' });
}, 120_000);

afterAll(() => postgres?.stop());

const traceId = 'a'.repeat(32);

function received(topic: string, shard: number, sequence: number, data: Record<string, unknown> = {}): ReceivedEvent {
  const event = {
    id: randomUUID(), type: 'user.updated', version: 1 as const, epoch: 1, shard, sequence: String(sequence), occurred_at: '2026-01-01T00:00:00.000000Z',
    traceparent: `00-${traceId}-${'b'.repeat(16)}-01`, actor: 'test', data,
  };
  // With white space, and a member that no schema knows: what is kept is what came.
  return { topic, partition: shard, offset: String(sequence), event, text: JSON.stringify({ ...event, later: 'ü\u0000\n' }, null, 1) };
}

const verifyAll = async () => verifyLog(database, 1n, await readLastSequence(database));
/** As one who has every right and turns the triggers off. */
const tamper = (statement: string) => postgres.sql('postgres', `SET session_replication_role = replica; ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS hash_of_content; ${statement}`, 'audit');

test('many writers at once, over several topics: one chain, without a hole, each event once', async () => {
  const batches = Array.from({ length: 12 }, (_, shard) => [1, 2, 3, 4].map((sequence) => received(shard % 2 ? 'users.events' : 'ledger.events', shard, sequence)));
  await Promise.all([...batches, ...batches].map((batch) => appendEvents(database, batch)));
  expect(await readLastSequence(database)).toBe(48n);
  expect(await verifyAll()).toMatchObject({ verified: 48n, fault: undefined });
  const entries = await readEntries(database, { after: 0n, limit: 1000, traceId });
  expect(new Set(entries.map((entry) => `${entry.topic} ${entry.shard} ${entry.event_sequence}`)).size).toBe(48);
  expect(entries[0]!.event).toContain('"later": "ü\\u0000\\n"');
});

test('a stream with a gap stands still, and the others go on', async () => {
  await expect(appendEvents(database, [received('ledger.events', 0, 6)])).rejects.toMatchObject({ reason: 'gap' });
  await appendEvents(database, [received('ledger.events', 2, 5)]);
  await appendEvents(database, [received('ledger.events', 0, 5), received('ledger.events', 0, 6)]);
  expect(await verifyAll()).toMatchObject({ verified: 51n, fault: undefined });
});

describe('the log', () => {
  test.each(['audit', 'setup', 'postgres'])('cannot be rewritten by the role %s', async (role) => {
    for (const statement of ["UPDATE audit_log SET event = '{}'", 'DELETE FROM audit_log', 'TRUNCATE audit_log CASCADE']) {
      await expect(postgres.sql(role, statement, 'audit')).rejects.toThrow(/append-only|permission denied/);
    }
  });

  test('takes no entry whose hash is not that of its content, or that is not chained to the last', async () => {
    const insert = (sequence: number, previous: string, hash: string) => postgres.sql('audit', `INSERT INTO audit_log (sequence, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type)
      SELECT ${sequence}, ${previous}, ${hash}, 5, 't', 1, 0, 1, '{}', gen_random_uuid(), now(), 'x' FROM audit_log WHERE sequence = 51`, 'audit');
    const right = (sequence: number, previous: string) => `sha256(convert_to('holdfast-audit-1' || E'\\n${sequence}\\n' || encode(${previous}, 'hex') || E'\\n5\\nt\\n1\\n0\\n1\\n{}', 'UTF8'))`;
    const zeros = "decode(repeat('00', 32), 'hex')";
    await expect(insert(52, 'hash', zeros)).rejects.toThrow('hash_of_content');
    await expect(insert(52, zeros, right(52, zeros))).rejects.toThrow('chained');
    await expect(insert(53, 'hash', right(53, 'hash'))).rejects.toThrow('chained');
  });

  test('moves the position of its copy forward only', async () => {
    await moveIndexPosition(database, 7n);
    await moveIndexPosition(database, 3n);
    expect(await readIndexPosition(database)).toBe(7n);
  });
});

// Last, as they leave a broken log behind.
describe('verification shows', () => {
  test('a changed event, by one who has every right', async () => {
    await tamper(`UPDATE audit_log SET event = replace(event, 'test', 'mallory') WHERE sequence = 10`);
    expect(await verifyAll()).toMatchObject({ verified: 9n, fault: { sequence: 10n, fault: 'content_changed' } });
    expect(await verifyLog(database, 11n, 20n)).toMatchObject({ fault: undefined });
    await tamper(`UPDATE audit_log SET event = replace(event, 'mallory', 'test') WHERE sequence = 10`);
    expect(await verifyAll()).toMatchObject({ fault: undefined });
  });

  test('a changed event with a hash that fits it', async () => {
    await tamper(`UPDATE audit_log SET shard = shard + 100 WHERE sequence = 10;
      UPDATE audit_log SET hash = sha256(convert_to('holdfast-audit-1' || E'\\n' || sequence || E'\\n' || encode(previous_hash, 'hex') || E'\\n' || recorded_at_ms || E'\\n' || topic || E'\\n'
        || epoch || E'\\n' || shard || E'\\n' || event_sequence || E'\\n' || event, 'UTF8')) WHERE sequence = 10`);
    expect(await verifyAll()).toMatchObject({ fault: { sequence: 11n, fault: 'not_chained' } });
  });

  test('an entry that was taken out', async () => {
    await tamper('DELETE FROM audit_log WHERE sequence = 5');
    expect(await verifyAll()).toMatchObject({ verified: 4n, fault: { sequence: 5n, fault: 'missing' } });
  });
});
