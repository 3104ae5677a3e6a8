import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { askElasticsearch, bulkElasticsearch } from '../elasticsearch.ts';
import { stopped, type Fault } from '../fault.ts';
import { syncsInTime, syncsLate } from '../late-syncs.ts';
import { askInTurns } from '../asking.ts';

/** Indices of logs of days long gone, and one that somebody made by hand. */
const DAMAGED = 'holdfast-logs-2001.01.01';
const CROWDED = 'holdfast-logs-2001.01.02';
const BUSY = 'holdfast-logs-2001.01.03';
const BY_HAND = 'somebodys-index';

const SHARDS = 60;
const BUSY_SHARDS = 100;
/** Batches of so many lines: a task for nearly every shard each, and the queue takes 10,000. */
const BATCHES = 160;
const LINES = 200;

const SEEN_MS = 60_000;

export const elasticsearchFaults: readonly Fault[] = [
  { alert: 'ElasticsearchDown', what: 'Elasticsearch is stopped', labels: {}, touches: ['elasticsearch'], make: stopped('elasticsearch'), scaled: { for: '30s' } },
  { alert: 'ElasticsearchRed', what: 'the file that says what belongs to a shard is not there', labels: {}, touches: ['elasticsearch'], make: loseShard, undo: findShard, scaled: { for: '15s' } },
  {
    alert: 'ElasticsearchYellow', what: 'an index is made that asks for a copy of itself', labels: {}, touches: ['elasticsearch'],
    make: (platform) => makeIndex(platform, BY_HAND, { number_of_shards: 1, number_of_replicas: 1 }), undo: (platform) => deleteIndex(platform, BY_HAND), undoBefore: 'Check', scaled: { for: '15s' },
  },
  { alert: 'ElasticsearchDiskLow', what: 'nothing is broken: 4 GB free is little, and so are 4 PB', labels: {}, touches: ['elasticsearch'], scaled: { for: '15s', number: ['4e9', '4e15'] } },
  {
    alert: 'ElasticsearchFlooded', what: 'nothing is broken: 1.2 GB free is little, and so are 4 PB, below which Elasticsearch is told to take nothing', labels: {}, touches: ['elasticsearch'],
    prepare: (platform) => setWatermarks(platform, '4000tb'), undo: (platform) => setWatermarks(platform, null), scaled: { for: '15s', number: ['1.2e9', '4e15'] },
  },
  {
    alert: 'ElasticsearchRejects', what: 'its disk is late by half a minute each time, and thousands of lines come', labels: {}, touches: ['elasticsearch'],
    make: overwhelm,
    undo: async (platform) => {
      await syncsInTime('elasticsearch')(platform);
      await deleteIndex(platform, BUSY);
    },
    scaled: { for: '15s', range: ['10m', '3m'] },
  },
  { alert: 'ElasticsearchHeapFull', what: 'nothing is broken: a twentieth of the heap in use counts as full', labels: {}, touches: ['elasticsearch'], scaled: { for: '15s', number: ['0.92', '0.05'] } },
  {
    alert: 'ElasticsearchShardsNearLimit', what: `an index of ${SHARDS} shards is made, as many as are near the limit then`, labels: {}, touches: ['elasticsearch'],
    make: (platform) => makeIndex(platform, CROWDED, { number_of_shards: SHARDS, number_of_replicas: 0 }), undo: (platform) => deleteIndex(platform, CROWDED), scaled: { for: '15s', number: ['850', String(SHARDS)] },
  },
];

async function makeIndex(platform: Platform, index: string, settings: object): Promise<void> {
  await deleteIndex(platform, index);
  await askElasticsearch(platform, 'PUT', index, { settings: { index: settings } });
}

async function deleteIndex(platform: Platform, index: string): Promise<void> {
  await askElasticsearch(platform, 'DELETE', `${index}?ignore_unavailable=true`);
}

const directoryOf = async (platform: Platform): Promise<string> => {
  const found = await askElasticsearch<Record<string, { settings: { index: { uuid: string } } }>>(platform, 'GET', `${DAMAGED}/_settings`);
  return `/usr/share/elasticsearch/data/indices/${found[DAMAGED]?.settings.index.uuid ?? ''}/0/index`;
};

/** Closed, damaged and opened again: it is tried five times, then nobody tries any more until Elasticsearch is started anew. */
async function loseShard(platform: Platform): Promise<void> {
  await makeIndex(platform, DAMAGED, { number_of_shards: 1, number_of_replicas: 0 });
  await bulkElasticsearch(platform, DAMAGED, 10);
  await askElasticsearch(platform, 'POST', `${DAMAGED}/_flush`);
  await askElasticsearch(platform, 'POST', `${DAMAGED}/_close`);
  await platform.inside('elasticsearch', 'sh', '-c', `cd ${await directoryOf(platform)} && mkdir ../lost && mv segments_* ../lost/`);
  await askElasticsearch(platform, 'POST', `${DAMAGED}/_open?wait_for_active_shards=0`);
  await within(SEEN_MS, 'Elasticsearch to be red', async () => ((await askElasticsearch<{ status: string }>(platform, 'GET', '_cluster/health')).status === 'red' ? true : undefined));
}

async function findShard(platform: Platform): Promise<void> {
  await platform.inside('elasticsearch', 'sh', '-c', `cd ${await directoryOf(platform)} && rm -f segments_* && mv ../lost/* . && rmdir ../lost`);
}

async function setWatermarks(platform: Platform, watermark: string | null): Promise<void> {
  const names = ['low', 'high', 'flood_stage'].map((name) => `cluster.routing.allocation.disk.watermark.${name}`);
  await askElasticsearch(platform, 'PUT', '_cluster/settings', { persistent: Object.fromEntries(names.map((name) => [name, watermark])) });
}

/** Its two threads that write wait for the disk, and what comes meanwhile waits for them. What a line is made of has to be known before: learning it is no matter of these threads, and would wait for the disk, too. */
async function overwhelm(platform: Platform): Promise<void> {
  await makeIndex(platform, BUSY, { number_of_shards: BUSY_SHARDS, number_of_replicas: 0 });
  await bulkElasticsearch(platform, BUSY, 1);
  await syncsLate('elasticsearch', 'java', 30_000)(platform);
  void askInTurns(BATCHES, BATCHES, () => bulkElasticsearch(platform, BUSY, LINES));
}
