import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { docker } from '../../platform/cli/run.ts';
import { HEALED_AT_WORK, LOGS_CAUGHT_UP } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { SmallLogs } from './small-logs.ts';

/** The product's own shipper and Elasticsearch; lines are numbered, and every number is looked for. */
const FULL = Boolean(process.env.HOLDFAST_FULL);
jest.setTimeout(FULL ? 1_800_000 : 300_000);

/** Time is here the fault itself, not a wait. */
const AWAY_S = FULL ? 600 : 30;
const LINES_A_SECOND = 1_000;
/** As long as those of the services. */
const BYTES = 400;
/** What Docker splits lines at. */
const PIECE_BYTES = 16_384;

let logs: SmallLogs;
beforeAll(async () => { logs = await SmallLogs.start(`logs-test-${randomBytes(3).toString('hex')}`); });
afterAll(() => logs.purge());

test('with Elasticsearch away, lines that nobody can take could be lost', async () => {
  const run = newRun();
  const lines = AWAY_S * LINES_A_SECOND;
  await logs.stop('elasticsearch');
  const writer = await logs.writer({ run, lines, perSecond: LINES_A_SECOND, bytes: BYTES });
  await logs.written(writer);
  await logs.begin('elasticsearch');
  await logs.healthy('elasticsearch');
  expectAll(lines, await logs.whenArrived(run, lines, LOGS_CAUGHT_UP));
});

test('lines that Docker rotated twice while the shipper was stopped could be passed over', async () => {
  const run = newRun();
  const lines = 110_000;
  const writer = await logs.writer({ run, lines, perSecond: 5_000, bytes: BYTES });
  // A part of the first file is read before.
  await within(LOGS_CAUGHT_UP, 'the first lines', async () => ((await logs.count(run)) > 0 ? true : undefined));
  const before = rotations(await logFile(writer));
  await logs.stop('logs');
  await logs.written(writer);
  expect(rotations(await logFile(writer)) - before).toBeGreaterThanOrEqual(2);
  expect(await logs.count(run)).toBeLessThan(lines / 2);
  await logs.begin('logs');
  expectAll(lines, await logs.whenArrived(run, lines, LOGS_CAUGHT_UP));
});

test('a shipper that is killed while it works off what waits could have read lines that it never passed on', async () => {
  const run = newRun();
  const lines = 80_000;
  await logs.stop('logs');
  await logs.written(await logs.writer({ run, lines, perSecond: 0, bytes: BYTES }));
  await logs.begin('logs');
  for (let kill = 1; kill <= 3; kill++) {
    // In the middle of it: some of it is delivered, more is read.
    await within(LOGS_CAUGHT_UP, 'some lines more', async () => ((await logs.count(run)) >= kill * 5_000 ? true : undefined));
    const { id, restarts } = await logs.container('logs');
    await docker('exec', id, 'bash', '-c', 'kill -KILL $(pidof rsyslogd)');
    await within(HEALED_AT_WORK, 'another shipper', async () => ((await logs.container('logs')).restarts > restarts ? true : undefined));
    await logs.healthy('logs');
  }
  expectAll(lines, await logs.whenArrived(run, lines, LOGS_CAUGHT_UP));
});

test('a line of 40 KB could arrive in pieces', async () => {
  const object = newRun();
  await logs.writer({ run: object, lines: 3, perSecond: 0, bytes: 40_960 });
  const text = await logs.writer({ run: newRun(), lines: 1, perSecond: 0, bytes: 40_960, plain: true });
  const arrived = await logs.whenArrived(object, 3, LOGS_CAUGHT_UP);
  expect([...arrived.lines]).toEqual([0, 1, 2]);
  for (const line of await found({ term: { 'labels.run': object } }, 3)) {
    expect(line).toMatchObject({ 'trace.id': expect.stringMatching(/^0{31}[012]$/), 'service.name': 'writer', 'log.level': 'info', 'http.response.status_code': 201 });
    expect(line.message?.length).toBeGreaterThan(40_000);
    expect(line).not.toHaveProperty(['log.flags']);
  }
  // Two pieces, and the whole line.
  const [plain] = (await found({ term: { 'container.id': text } }, 3)).filter((line) => !('log.flags' in line));
  expect(plain?.message).toMatch(/ end$/);
  expect(plain?.message?.length).toBeGreaterThan(40_000);
});

test('parts of a line that is too long to be put together could be lost, or be taken for whole lines', async () => {
  const bytes = 1_500_000;
  const writer = await logs.writer({ run: newRun(), lines: 1, perSecond: 0, bytes, plain: true });
  const parts = await found({ term: { 'container.id': writer } }, Math.ceil(bytes / PIECE_BYTES));
  expect(parts.reduce((sum, { message = '' }) => sum + Buffer.byteLength(message), 0)).toBeGreaterThanOrEqual(bytes - 40);
  expect(parts.filter(({ message = '' }) => message.endsWith(' end'))).toHaveLength(1);
  for (const part of parts) expect(part).toMatchObject({ 'log.flags': 'part', 'service.name': 'writer', stream: 'stdout' });
});

test('the last words of a component that died in the middle of a line could be lost, or wait for ever to be whole', async () => {
  const writer = await logs.writer({ run: newRun(), lines: 2, perSecond: 0, bytes: 20_000, plain: true, unfinished: true });
  // Of each line two pieces; the second of the first is the whole line.
  const lines = await found({ term: { 'container.id': writer } }, 4);
  expect(lines.filter((line) => !('log.flags' in line)).map(({ message = '' }) => /line 000000000: .* end$/.test(message))).toEqual([true]);
  expect(lines.filter((line) => 'log.flags' in line && / end$/.test(line.message ?? ''))).toHaveLength(1);
});

interface Line {
  readonly message?: string;
}

/** Lines that a query finds, when there are as many. */
function found(query: object, least: number): Promise<Line[]> {
  return within(LOGS_CAUGHT_UP, `${least} lines to be searchable`, async () => {
    const { body } = await logs.ask<{ hits: { hits: { _source: Line }[] } }>('reader', 'POST', 'holdfast-logs/_search', { size: 1_000, query, sort: ['@timestamp', '_doc'] });
    return body.hits.hits.length >= least ? body.hits.hits.map((hit) => hit._source) : undefined;
  });
}

function expectAll(lines: number, arrived: Awaited<ReturnType<SmallLogs['arrived']>>): void {
  const missing = Array.from({ length: lines }, (_, line) => line).filter((line) => !arrived.lines.has(line));
  expect({ missing: missing.length, first: missing.slice(0, 10) }).toEqual({ missing: 0, first: [] });
  expect(arrived.documents).toBe(lines);
}

/** Where Docker keeps the lines of a container, as it is reached from here: the tests' own container has the machine's files below /host. */
async function logFile(container: string): Promise<string> {
  const path = (await docker('inspect', '--format', '{{.LogPath}}', container)).trim();
  return existsSync(path) ? path : join('/host', path);
}

/** How many files before the present one are kept. */
function rotations(file: string): number {
  return [1, 2, 3, 4].filter((number) => existsSync(`${file}.${number}`)).length;
}

function newRun(): string {
  return `run-${randomBytes(6).toString('hex')}`;
}
