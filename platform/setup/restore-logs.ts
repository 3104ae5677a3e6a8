import { setTimeout as pause } from 'node:timers/promises';
import { lostIndices, readSnapshots, type ListedSnapshots, type Lost } from '../../backups/log-snapshots.ts';
import { callJson, type Reviver } from './http.ts';
import { secret } from './identity.ts';

/**
 * `holdfast rebuild logs`: brings back the log lines that Elasticsearch has lost, from its snapshots. The argument says for how many days lines are kept.
 * Answers with a JSON object a line: what it is at, then the result, or why there is none.
 */
const ADDRESS = 'https://elasticsearch:9200';
const SNAPSHOTS = `${ADDRESS}/_snapshot/holdfast`;
const LOOK_EVERY_MS = 500;
/** Without a byte more of an index. */
const STANDSTILL_MS = 120_000;
/** Documents at once: a megabyte, mostly. */
const PAGE = 1_000;

interface Restored extends Lost {
  /** Of a day that is there anew: lines that were added to it. */
  readonly added?: number;
}

interface Page {
  _scroll_id: string;
  hits: { total?: { value: number }; hits: { _id: string; _source: object }[] };
}

/** A number of a line that JavaScript would write otherwise (2 ** 60, 1.0) stays as it was written. */
const asWritten: Reviver = (_key, value, { source }) => (typeof value === 'number' && source !== undefined && String(value) !== source ? (JSON as unknown as { rawJSON: (text: string) => object }).rawJSON(source) : value);

const authorization = { authorization: `Basic ${Buffer.from(`elastic:${secret('elasticsearch-superuser-password')}`).toString('base64')}` };

try {
  answer({ result: await restoreAll(Number(process.argv[2])) });
} catch (error) {
  answer({ failure: (error as Error).message });
  process.exitCode = 1;
}

async function restoreAll(keptDays: number): Promise<Restored[]> {
  const { body: listed } = await callJson<ListedSnapshots>('GET', `${SNAPSHOTS}/_all?ignore_unavailable=true`, authorization, undefined, [200]);
  const lost = lostIndices(readSnapshots(listed), await presentIndices(), keptDays, new Date());
  const restored: Restored[] = [];
  for (const [position, one] of lost.entries()) {
    const say = (detail = ''): void => answer({ progress: `${one.index} from ${one.snapshot} (${position + 1} of ${lost.length})${detail}` });
    say();
    if (!one.isThereAnew) {
      await restore(one, one.index, say);
      restored.push(one);
    } else {
      const added = await addLines(one, say);
      if (added > 0) restored.push({ ...one, added });
    }
  }
  return restored;
}

/** Those of log lines that Elasticsearch has, and when each was made. */
async function presentIndices(): Promise<Map<string, Date>> {
  const { body } = await callJson<Record<string, { settings: { index: { creation_date: string } } }>>('GET', `${ADDRESS}/holdfast-logs-*/_settings/index.creation_date`, authorization, undefined, [200]);
  return new Map(Object.entries(body).map(([name, { settings }]) => [name, new Date(Number(settings.index.creation_date))]));
}

/**
 * Under its name with its alias and its settings, as it was; or under another one, which nobody searches. An index that came back in part would pass for a whole one, and be passed over the next
 * time: it goes again.
 */
async function restore({ index, snapshot }: Lost, name: string, say: (detail: string) => void): Promise<void> {
  await callJson('POST', `${SNAPSHOTS}/${snapshot}/_restore?wait_for_completion=false`, authorization, { indices: index, include_global_state: false, include_aliases: name === index, rename_pattern: '.+', rename_replacement: name }, [200]);
  try {
    await untilThere(name, say);
  } catch (error) {
    await remove(name);
    throw new Error(`${index} could not be brought back from ${snapshot}: ${(error as Error).message}`, { cause: error });
  }
}

/** Beside those that have come to that day since: a line that is there already, by its id, is passed over. How many were not. */
async function addLines(lost: Lost, say: (detail: string) => void): Promise<number> {
  const name = lost.index.replace('holdfast-logs-', 'lines-of-');
  // Of a rebuild that was ended in the middle.
  await remove(name);
  await restore(lost, name, say);
  let added = 0;
  let done = 0;
  let { body: page } = await callJson<Page>('POST', `${ADDRESS}/${name}/_search?scroll=5m`, authorization, { size: PAGE, sort: ['_doc'], track_total_hits: true }, [200], asWritten);
  const total = page.hits.total?.value ?? 0;
  while (page.hits.hits.length > 0) {
    added += await create(lost.index, page.hits.hits);
    done += page.hits.hits.length;
    say(`, ${Math.floor((100 * done) / total)} % of ${total} lines`);
    ({ body: page } = await callJson<Page>('POST', `${ADDRESS}/_search/scroll`, authorization, { scroll: '5m', scroll_id: page._scroll_id }, [200], asWritten));
  }
  await remove(name);
  return added;
}

async function create(index: string, documents: Page['hits']['hits']): Promise<number> {
  const lines = documents.flatMap(({ _id, _source }) => [{ create: { _id } }, _source]).map((line) => `${JSON.stringify(line)}\n`).join('');
  const { body } = await callJson<{ items: { create: { status: number; error?: { reason: string } } }[] }>('POST', `${ADDRESS}/${index}/_bulk`, authorization, lines, [200]);
  const refused = body.items.find(({ create: { status } }) => status !== 201 && status !== 409);
  if (refused) throw new Error(`${index} refuses a line of before: ${refused.create.error?.reason ?? refused.create.status}`);
  return body.items.filter(({ create: { status } }) => status === 201).length;
}

async function untilThere(index: string, say: (detail: string) => void): Promise<void> {
  let [before, beforeMs] = [-1, Date.now()];
  for (;;) {
    // Not its color: an index that has yet to begin to come back is yellow.
    const { body } = await callJson<{ indices: Record<string, { number_of_shards: number; active_primary_shards: number }> }>('GET', `${ADDRESS}/_cluster/health/${index}?level=indices`, authorization, undefined, [200]);
    const shards = body.indices[index];
    if (shards && shards.active_primary_shards === shards.number_of_shards) return;
    const { done_bytes, of_bytes } = await restoredBytes(index);
    if (of_bytes > 0) say(`, ${Math.floor((100 * done_bytes) / of_bytes)} %`);
    if (done_bytes > before) [before, beforeMs] = [done_bytes, Date.now()];
    else if (Date.now() - beforeMs > STANDSTILL_MS) throw new Error(`no byte of it has come for ${STANDSTILL_MS / 1000} s`);
    await pause(LOOK_EVERY_MS);
  }
}

async function restoredBytes(index: string): Promise<{ done_bytes: number; of_bytes: number }> {
  const { body } = await callJson<Record<string, { shards: { index: { size: { recovered_in_bytes: number; total_in_bytes: number } } }[] }>>('GET', `${ADDRESS}/${index}/_recovery`, authorization, undefined, [200]);
  const sizes = (body[index]?.shards ?? []).map((shard) => shard.index.size);
  return { done_bytes: sizes.reduce((sum, { recovered_in_bytes }) => sum + recovered_in_bytes, 0), of_bytes: sizes.reduce((sum, { total_in_bytes }) => sum + total_in_bytes, 0) };
}

async function remove(index: string): Promise<void> {
  await callJson('DELETE', `${ADDRESS}/${index}`, authorization, undefined, [200, 404]);
}

function answer(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
