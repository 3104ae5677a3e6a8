import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLastSequence } from '../log/log.store.ts';
import { verifyLog } from '../log/verify-log.ts';
import { ThrowawayTrail } from '../testing/throwaway-trail.ts';
import { KeycloakEvents, type KeycloakAdministration } from './keycloak-events.ts';
import { OperatorCommands } from './operator-commands.ts';

let trail: ThrowawayTrail;
let directory: string;

beforeAll(async () => {
  trail = await ThrowawayTrail.start();
  directory = await mkdtemp(join(tmpdir(), 'holdfast-operator-'));
}, 120_000);
afterAll(async () => {
  await trail?.stop();
  await rm(directory, { recursive: true, force: true });
});

interface Kept { type: string; actor: string; data: Record<string, unknown> }

async function entriesOf(topic: string): Promise<Kept[]> {
  const rows = await trail.database.query<{ event: string }>('SELECT event FROM audit_log WHERE topic = $1 ORDER BY sequence', [topic]);
  return rows.map(({ event }) => JSON.parse(event) as Kept);
}
const isIntact = async (): Promise<boolean> => (await verifyLog(trail.database, 1n, await readLastSequence(trail.database))).fault === undefined;

describe('what operators did', () => {
  let file: string;
  beforeEach(() => { file = join(directory, `${randomUUID()}.ndjson`); });
  const line = (command: string): string => `${JSON.stringify({ id: randomUUID(), type: 'operator.begun', at: new Date().toISOString(), actor: 'alice@host', command })}\n`;
  const readAll = async (source: OperatorCommands): Promise<void> => { while (await source.read(trail.database)); };

  test('is taken in once each, in its order, also a line that is still being written, and thousands at once', async () => {
    const source = new OperatorCommands(file);
    await readAll(source);
    const half = line('restore ünd');
    await appendFile(file, line('down') + half.slice(0, 30));
    await readAll(source);
    await appendFile(file, half.slice(30));
    await readAll(source);
    await readAll(new OperatorCommands(file));
    const many = Array.from({ length: 1_500 }, (_, index) => `command ${index}`);
    await appendFile(file, many.map(line).join(''));
    await readAll(source);
    const entries = await entriesOf('operator.commands');
    expect(entries.map(({ data }) => data.command)).toEqual(['down', 'restore ünd', ...many]);
    expect(entries[0]).toMatchObject({ type: 'operator.begun', actor: 'alice@host' });
    expect(await isIntact()).toBe(true);
    await trail.superuser("TRUNCATE source_position");
  });

  test('and a file that was cut, or a line that is none, is told as well', async () => {
    const known = (await entriesOf('operator.commands')).length;
    const source = new OperatorCommands(file);
    await writeFile(file, line('one') + line('two'));
    await readAll(source);
    await writeFile(file, `not json\n${line('three')}`);
    await readAll(source);
    expect((await entriesOf('operator.commands')).slice(known).map(({ type, data }) => data.command ?? type)).toEqual(['one', 'two', 'operator.log_cut', 'operator.line_unreadable', 'three']);
  });
});

describe('what Keycloak noted down', () => {
  /** The part of Keycloak's API that is used: events of a realm from a time on, by time, in pages. */
  class Noted implements KeycloakAdministration {
    readonly events: { time: number; type: string; [field: string]: unknown }[] = [];
    get(path: string): Promise<unknown> {
      const query = new URLSearchParams(path.split('?')[1]);
      const from = Number(query.get('dateFrom'));
      const first = Number(query.get('first'));
      return Promise.resolve(this.events.filter(({ time }) => time >= from).toSorted((one, other) => one.time - other.time).slice(first, first + Number(query.get('max'))));
    }
  }
  const signal = new AbortController().signal;

  test('is taken in once each, however often it is told, also what becomes visible late, without what somebody typed', async () => {
    const noted = new Noted();
    const now = Date.now();
    const event = (time: number, more: object = {}): Noted['events'][number] =>
      ({ id: randomUUID(), time, type: 'LOGIN_ERROR', clientId: 'holdfast-web', ipAddress: '203.0.113.7', error: 'invalid_user_credentials', details: { username: 'secret@person.example' }, ...more });
    noted.events.push(event(now - 10_000), event(now - 5_000, { type: 'LOGIN', error: undefined, userId: 'alice' }));
    const source = new KeycloakEvents('holdfast', 'events', 2, noted);
    await source.read(trail.database, signal);
    noted.events.push(event(now - 7_000, { ipAddress: '203.0.113.8' }));
    for (let time = 0; time < 450; time++) noted.events.push(event(now - 1_000 + time, { id: undefined }));
    await source.read(trail.database, signal);
    await new KeycloakEvents('holdfast', 'events', 2, noted).read(trail.database, signal);
    const entries = await entriesOf('keycloak.events');
    expect(entries).toHaveLength(453);
    expect(entries[0]).toMatchObject({ type: 'sign_in.login_error', actor: 'unknown', data: { from: '203.0.113.7', outcome: 'failure', error: 'invalid_user_credentials' } });
    expect(entries[1]).toMatchObject({ type: 'sign_in.login', actor: 'alice', data: { outcome: 'success' } });
    expect(JSON.stringify(entries)).not.toContain('person.example');
    expect(await isIntact()).toBe(true);
  });

  test('of administration says who did what to what', async () => {
    const noted = new Noted();
    noted.events.push({ time: Date.now(), type: '', operationType: 'DELETE', resourceType: 'USER', resourcePath: 'users/17', authDetails: { realmId: 'master', userId: 'root', ipAddress: '203.0.113.9' } });
    await new KeycloakEvents('holdfast', 'admin-events', 3, noted).read(trail.database, signal);
    expect((await entriesOf('keycloak.events')).at(-1)).toMatchObject({ type: 'administration.delete', actor: 'root', data: { resource: 'USER', path: 'users/17', from: '203.0.113.9', realm: 'holdfast' } });
  });
});
