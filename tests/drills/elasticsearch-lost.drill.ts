import { randomBytes } from 'node:crypto';
import { askElasticsearch } from '../alerts/elasticsearch.ts';
import { CAUGHT_UP, ELASTICSEARCH_LOST } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Platform } from '../kit/platform.ts';
import type { Drill, Scene } from './drill.ts';

interface Entry { audit: { sequence: string; hash: string } }

/** Entries of the chain that were searchable before: number and hash, from the database and not from Elasticsearch. */
let remembered: { sequence: string; hash: string }[] = [];

/** Stands in lines that no file of Docker's has: one of yesterday, whose index nobody makes anew, and one of today, whose index the shipper makes anew as soon as it can. */
let mark = '';
const DAYS_AGO = [0, 1];
const DAY_MS = 86_400_000;

export const elasticsearchLost: Drill = {
  page: 'elasticsearch-lost',
  budgetMs: ELASTICSEARCH_LOST,
  remember: async ({ platform }) => {
    await addLines(platform);
    remembered = await platform.query('core', 'audit', `SELECT sequence::text, encode(hash, 'hex') AS hash FROM audit_log WHERE sequence > 0 ORDER BY random() LIMIT 50`);
  },
  disaster: async ({ damage }) => {
    // Another disk, as the setting of its place is for.
    await damage.destroy('elasticsearch', ['elasticsearch-snapshots']);
    return {};
  },
  alsoEqual: async (scene) => [
    ...(remembered.length === 0 ? ['the chain had no entry to lose'] : []),
    ...(await missingEntries(scene)),
    ...(await unmapped(scene)),
    ...(await linesGone(scene)),
    ...(await snapshotUnused(scene)),
  ],
};

/** And has them taken into a snapshot. */
async function addLines(platform: Platform): Promise<void> {
  mark = `drill-${randomBytes(6).toString('hex')}`;
  for (const daysAgo of DAYS_AGO) {
    const at = new Date(Date.now() - daysAgo * DAY_MS).toISOString();
    await askElasticsearch(platform, 'PUT', `holdfast-logs-${at.slice(0, 10).replaceAll('-', '.')}/_create/${mark}`, { '@timestamp': at, message: 'a line of a container that is gone', 'labels.drill': mark });
  }
  const { exitCode, stderr } = await platform.command('backup', '--logs');
  if (exitCode !== 0) throw new Error(`no snapshot of the log lines: ${stderr.slice(-500)}`);
}

/** Each entry that was there is found as an auditor finds it, with its hash. */
async function missingEntries({ platform }: Scene): Promise<string[]> {
  const wanted = new Map(remembered.map(({ sequence, hash }) => [sequence, hash]));
  let found: Entry[] = [];
  await within(CAUGHT_UP, 'the entries to be searchable', async () => {
    found = await platform.search<Entry>('holdfast-audit', { size: wanted.size, query: { terms: { 'audit.sequence': [...wanted.keys()] } } });
    return found.length >= wanted.size ? true : undefined;
  }).catch(() => undefined);
  const hashes = new Map(found.map(({ audit }) => [audit.sequence, audit.hash]));
  return [...wanted].filter(([sequence, hash]) => hashes.get(sequence) !== hash).map(([sequence]) => `entry ${sequence} of the chain is not in the search as it was`);
}

/** An index that was made without its template has texts where words to filter by should be. */
async function unmapped({ platform }: Scene): Promise<string[]> {
  const byWord = await platform.search('holdfast-audit', { size: 1, query: { term: { 'event.action': 'transfer.posted' } } });
  return byWord.length === 1 ? [] : ['entries cannot be found by their type: their index lacks its mapping'];
}

/** A line from before the disaster, out of Docker's files. */
async function linesGone({ platform }: Scene): Promise<string[]> {
  const { startedAt } = await platform.container('elasticsearch');
  const lines = await within(CAUGHT_UP, 'log lines of before', async () => {
    const found = await platform.search('holdfast-logs', { size: 1, query: { range: { '@timestamp': { lt: new Date(startedAt.getTime() - 60_000).toISOString() } } } });
    return found.length > 0 ? found : undefined;
  }).catch(() => []);
  return lines.length > 0 ? [] : ['no log line of before the disaster is there'];
}

/** Lines that only the snapshot had. */
async function snapshotUnused({ platform }: Scene): Promise<string[]> {
  const query = { term: { 'labels.drill': mark } };
  await within(CAUGHT_UP, 'lines of the snapshot', async () => ((await platform.count('holdfast-logs', { query })) === DAYS_AGO.length ? true : undefined)).catch(() => undefined);
  const found = await platform.count('holdfast-logs', { query });
  return found === DAYS_AGO.length ? [] : [`${found} of ${DAYS_AGO.length} lines that only the snapshot had are there`];
}
