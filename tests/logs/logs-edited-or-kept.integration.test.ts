import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { docker } from '../../platform/cli/run.ts';
import { CAUGHT_UP } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { SmallLogs, type User } from './small-logs.ts';

jest.setTimeout(300_000);

const DAY_MS = 86_400_000;
const KEPT_DAYS = 30;
const AUDIT = 'holdfast-audit-2026.01';
/** Of a day that is kept, whenever this runs. */
const LOGS = indexOf(1);

let logs: SmallLogs;
beforeAll(async () => {
  logs = await SmallLogs.start(`logs-test-${randomBytes(3).toString('hex')}`);
  await create('logs', LOGS);
  await create('audit', AUDIT);
});
afterAll(() => logs.purge());

/** Everybody who has a password at Elasticsearch, but its superuser, whom the setup job alone is. */
const users: readonly User[] = ['reader', 'logs', 'audit', 'metrics', 'kibana-server', 'snapshots'];
const WRITTEN_BY: Partial<Record<User, string>> = { logs: LOGS, audit: AUDIT };
/** All of one length: Jest takes a parameter without a value for its own callback. */
const edits: readonly [string, string, string, object | undefined][] = [
  ['changed', 'POST', '_update/line', { doc: { message: 'edited' } }],
  ['overwritten', 'PUT', '_doc/line', { message: 'edited' }],
  ['overwritten in bulk', 'PUT', '_doc/line?version=99&version_type=external', { message: 'edited' }],
  ['deleted', 'DELETE', '_doc/line', undefined],
  ['thrown away with its index', 'DELETE', '', undefined],
  ['read otherwise by another mapping of its field', 'PUT', '_mapping', { properties: { message: { type: 'keyword' } } }],
  ['hidden by a closed index', 'POST', '_close', undefined],
  ['moved out of the alias', 'DELETE', '_alias/holdfast-logs', undefined],
  ['frozen for all writers', 'PUT', '_settings', { 'index.blocks.write': true }],
];

describe.each(users)('%s', (user) => {
  test.each([LOGS, AUDIT].flatMap((index) => edits.map(([what, ...request]) => [index, what, ...request] as const)))('in %s a line could be %s', async (index, _what, method, path, body) => {
    const { status } = await logs.ask(user, method, `${index}/${path}`, body);
    // Whoever creates documents may add fields to their mapping, says Elasticsearch; a field that is there it lets nobody change, which is 400.
    expect(status).toBe(path === '_mapping' && index === WRITTEN_BY[user] ? 400 : 403);
    expect((await logs.ask('reader', 'GET', `${index}/_doc/line`)).body).toMatchObject({ found: true, _version: 1, _source: { message: 'as it was' } });
  });

  test('a line that is there could be written over by creating it again', async () => {
    for (const index of [LOGS, AUDIT]) {
      const { status } = await logs.ask(user, 'PUT', `${index}/_create/line`, { message: 'edited' });
      expect([403, 409]).toContain(status);
    }
  });
});

test('the auditor could be kept from reading, or somebody else read along', async () => {
  const mayRead = async (user: User, index: string): Promise<boolean> => (await logs.ask(user, 'GET', `${index}/_doc/line`)).status === 200;
  const readers = await Promise.all(users.map(async (user) => [user, await mayRead(user, LOGS), await mayRead(user, AUDIT)]));
  expect(readers).toEqual([['reader', true, true], ['logs', false, false], ['audit', false, true], ['metrics', false, false], ['kibana-server', false, false], ['snapshots', false, false]]);
});

test('lines could be kept for ever, or be deleted a day too early, and the audit trail with them', async () => {
  const [justKept, justOver, longOver] = [indexOf(KEPT_DAYS), indexOf(KEPT_DAYS + 1), 'holdfast-logs-2020.02.29'];
  for (const index of [justKept, justOver, longOver]) await create('logs', index);
  await create('audit', 'holdfast-audit-2020.01');
  // It looks when Elasticsearch starts, and then once an hour.
  await logs.stop('elasticsearch');
  await logs.begin('elasticsearch');
  await logs.healthy('elasticsearch');
  const left = await within(CAUGHT_UP, 'old lines to be deleted', async () => {
    const { body } = await logs.ask<{ indices: { name: string }[] }>('reader', 'GET', '_resolve/index/holdfast-*');
    const names = body.indices.map(({ name }) => name);
    return names.includes(justOver) || names.includes(longOver) ? undefined : names;
  });
  expect(left).toEqual(expect.arrayContaining([justKept, LOGS, AUDIT, 'holdfast-audit-2020.01']));
  const { id } = await logs.container('elasticsearch');
  // Whoever misses lines finds who took them.
  expect(await docker('logs', '--tail', '200', id)).toContain(`deleted ${justOver}: log lines are kept for ${KEPT_DAYS} days`);
});

test('who deletes old lines could delete the audit trail, or read or change a line', async () => {
  const { id } = await logs.container('elasticsearch');
  const credentials = `retention:${(await docker('exec', id, 'cat', '/run/elasticsearch/retention-password')).trim()}`;
  const attempts = [['DELETE', AUDIT], ['GET', `${LOGS}/_doc/line`], ['DELETE', `${LOGS}/_doc/line`], ['PUT', `${LOGS}/_doc/line`]] as const;
  const statuses = await Promise.all(attempts.map(async ([method, path]) => (await logs.askAs(credentials, method, path, method === 'PUT' ? { message: 'edited' } : undefined)).status));
  expect(statuses).toEqual(attempts.map(() => 403));
});

/** As the shipper and the audit service do. */
async function create(user: 'logs' | 'audit', index: string): Promise<void> {
  const { status, body } = await logs.ask(user, 'PUT', `${index}/_create/line`, { '@timestamp': '2026-01-01T00:00:00.000000000Z', message: 'as it was' });
  if (status !== 201) throw new Error(`${index}: ${status} ${JSON.stringify(body)}`);
}

/** The index of log lines of so many days ago. */
function indexOf(daysAgo: number): string {
  return `holdfast-logs-${new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '.')}`;
}
