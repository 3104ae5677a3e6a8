import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { LogSnapshot } from '../../backups/log-snapshots.ts';
import { listSnapshots, takeSnapshot, type Address } from '../../backups/scheduler/elasticsearch.ts';
import { takeAndTidy } from '../../backups/scheduler/log-snapshots.ts';
import { rebuildLogs } from '../../platform/cli/rebuild/logs.ts';
import { docker } from '../../platform/cli/run.ts';
import { LOGS_CAUGHT_UP } from '../kit/budgets.ts';
import { SmallLogs } from './small-logs.ts';

/** The product's own Elasticsearch, whose disk is lost with everything on it, and snapshots by the scheduler's own code. */
jest.setTimeout(600_000);

const KEPT_DAYS = 30;
const DAY_MS = 86_400_000;
const LINES = 2_000;
/** More than are kept. */
const MANY = 26;
/** Of when this began, also where it goes on past midnight. */
const [TODAY, YESTERDAY] = [indexOf(0), indexOf(1)];
const OLDER = 'older';
const NEWER = 'newer';
const SINCE = 'since';
/** More than a number of JavaScript holds: whoever reads a line and writes it again could write another. */
const LARGE = '1152921504606846977';
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => object };

let logs: SmallLogs;
beforeAll(async () => { logs = await SmallLogs.start(`logs-test-${randomBytes(3).toString('hex')}`); });
afterAll(() => logs.purge());

test('with nothing in it, an Elasticsearch could leave an empty snapshot that passes for a good one', async () => {
  await logs.stop('logs');
  for (const name of await logs.indices()) await logs.ask('elastic', 'DELETE', name);
  await expect(takeAndTidy(await address(), KEPT_DAYS)).rejects.toThrow('no log line to take');
  expect(await snapshots()).toEqual([]);
});

test('lines that Docker no longer has could be lost with the disk of Elasticsearch', async () => {
  await index(YESTERDAY, OLDER);
  await index(TODAY, NEWER);
  const { taken } = await takeAndTidy(await address(), KEPT_DAYS);
  expect(taken).toMatchObject({ state: 'SUCCESS', indices: expect.arrayContaining([TODAY, YESTERDAY]) });

  await logs.loseElasticsearch();
  expect(await logs.indices()).toEqual([]);
  // They outlived it: the setup job has only said where they are.
  expect((await snapshots()).map(({ name }) => name)).toEqual([taken.name]);
  const said: string[] = [];
  const restored = await rebuildLogs(logs.instance, (line) => said.push(line));
  expect(restored).toEqual([{ index: TODAY, snapshot: taken.name, isThereAnew: false }, { index: YESTERDAY, snapshot: taken.name, isThereAnew: false }]);
  expect(said).toEqual(expect.arrayContaining([`${YESTERDAY} from ${taken.name} (2 of 2)`]));

  // By the alias, as an auditor searches.
  for (const run of [OLDER, NEWER]) {
    const { lines, documents } = await logs.whenArrived(run, LINES, LOGS_CAUGHT_UP);
    expect([lines.size, documents]).toEqual([LINES, LINES]);
  }
});

test('the index of today could be closed to new lines once it came back, or take those of before twice', async () => {
  await index(TODAY, NEWER, LINES + 5);
  const { lines, documents } = await logs.whenArrived(NEWER, LINES + 5, LOGS_CAUGHT_UP);
  expect([lines.size, documents]).toEqual([LINES + 5, LINES + 5]);
});

test('a rebuild that was not needed could put back what has changed since', async () => {
  const said: string[] = [];
  expect(await rebuildLogs(logs.instance, (line) => said.push(line))).toEqual([]);
  // An index that came back is as old as it was: nothing of it is brought back again, to be compared.
  expect(said.filter((line) => line.startsWith('holdfast-logs-'))).toEqual([]);
  expect(await logs.count(NEWER)).toBe(LINES + 5);
});

test('snapshots of an Elasticsearch that begins empty could push out what would bring it back', async () => {
  const [before] = await snapshots();
  await logs.loseElasticsearch();
  await index(TODAY, SINCE);
  for (let taken = 0; taken < MANY; taken++) await takeNext(taken);
  await takeAndTidy(await address(), KEPT_DAYS);
  const left = await snapshots();
  // The newest 24, and the one that alone has the lines of yesterday.
  expect(left).toHaveLength(25);
  expect(left.at(-1)?.name).toBe(before?.name);
});

test('lines of today could stay lost, as the index of today is made anew before anybody brings it back', async () => {
  const before = (await snapshots()).at(-1)?.name;
  const restored = await rebuildLogs(logs.instance, () => undefined);
  // The snapshot is from before the lines that were added once it had been taken.
  expect(restored).toEqual([{ index: TODAY, snapshot: before, isThereAnew: true, added: expect.any(Number) }, { index: YESTERDAY, snapshot: before, isThereAnew: false }]);
  for (const run of [OLDER, NEWER, SINCE]) {
    const { lines, documents } = await logs.whenArrived(run, LINES, LOGS_CAUGHT_UP);
    expect([run, lines.size, documents]).toEqual([run, LINES, LINES]);
  }
  const { body } = await logs.ask('reader', 'POST', 'holdfast-logs/_count', { query: { bool: { filter: [{ term: { 'labels.run': NEWER } }, { term: { 'labels.large': LARGE } }] } } });
  expect(body).toMatchObject({ count: LINES });
  // Under another name nobody would find it, and it would take its room for ever.
  expect((await logs.ask('elastic', 'GET', '_cat/indices?format=json&h=index')).body).not.toEqual(expect.arrayContaining([{ index: expect.stringContaining('lines-of-') }]));
  expect(await rebuildLogs(logs.instance, () => undefined)).toEqual([]);
});

test('a directory that cannot be written to could go unnoticed until it is needed', async () => {
  const { id } = await logs.container('elasticsearch');
  await docker('exec', id, 'chmod', '0500', '/var/lib/snapshots');
  const known = await snapshots();
  await expect(takeAndTidy(await address(), KEPT_DAYS)).rejects.toThrow('could not write where snapshots are kept');
  await docker('exec', id, 'chmod', '0700', '/var/lib/snapshots');
  const { taken } = await takeAndTidy(await address(), KEPT_DAYS);
  expect((await snapshots())[0]?.name).toBe(taken.name);
  expect(known.map(({ name }) => name)).not.toContain(taken.name);
});

test('another directory in the place of the first, or a disk that was lost alone, could end all snapshots', async () => {
  const { id } = await logs.container('elasticsearch');
  await docker('exec', id, 'bash', '-c', 'rm -rf /var/lib/snapshots/*');
  await expect(takeAndTidy(await address(), KEPT_DAYS)).rejects.toThrow();
  // As each `up` does.
  await logs.setUpElasticsearch();
  const { taken } = await takeAndTidy(await address(), KEPT_DAYS);
  expect((await snapshots()).map(({ name }) => name)).toEqual([taken.name]);
  await logs.setUpElasticsearch();
  expect((await snapshots()).map(({ name }) => name)).toEqual([taken.name]);
});

test('who takes snapshots could bring an old one back over what is there, take the repository away, or read it elsewhere', async () => {
  const [{ name } = { name: '' }] = await snapshots();
  for (const [method, path, body] of [
    ['POST', `_snapshot/holdfast/${name}/_restore`, { indices: YESTERDAY, rename_pattern: '(.+)', rename_replacement: 'copy-of-$1' }],
    ['DELETE', '_snapshot/holdfast', undefined],
    ['PUT', '_snapshot/another', { type: 'fs', settings: { location: '/var/lib/snapshots' } }],
    ['GET', `${TODAY}/_search`, undefined],
  ] as const) {
    expect((await logs.ask('snapshots', method, path, body)).status).toBe(403);
  }
});

/** The scheduler's code, from outside of its container: as the same user, verified by the same authority. */
async function address(): Promise<Address> {
  const read = (name: string): string => readFileSync(join(logs.instance.directory, name), 'utf8');
  return { host: await logs.addressOf('elasticsearch'), ca: read('ca.crt'), password: read('vault/elasticsearch-snapshots-password') };
}

async function snapshots(): Promise<LogSnapshot[]> {
  return listSnapshots(await address());
}

/** Under names of hours to come: those of one second would have the same. */
async function takeNext(hours: number): Promise<void> {
  await takeSnapshot(await address(), `logs-2027.01.01-${String(hours % 24).padStart(2, '0')}.${String(Math.floor(hours / 24)).padStart(2, '0')}.00`);
}

/** As the shipper adds lines: each once, by its id. */
async function index(name: string, run: string, lines = LINES): Promise<void> {
  await logs.bulk('logs', name, Array.from({ length: lines }, (_, line) => ({ id: `${run}-${line}`, document: { '@timestamp': new Date().toISOString(), message: `line ${line}`, 'labels.run': run, 'labels.large': rawJSON(LARGE), 'labels.line': String(line).padStart(9, '0') } })));
}

/** The index of log lines of so many days ago. */
function indexOf(daysAgo: number): string {
  return `holdfast-logs-${new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '.')}`;
}
