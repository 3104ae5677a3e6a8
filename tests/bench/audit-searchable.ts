import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import { CAUGHT_UP, HEALED_AT_WORK } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { load } from './save-results.ts';
import { quantile } from './statistics.ts';

const BATCHES_A_SECOND = 5;
const PAYERS = 5;
const LOOK_MS = 100;
const FUNDS_MINOR = 1_000_000n;

type Payer = Awaited<ReturnType<Platform['fundedCustomer']>>;

export interface Searchable {
  readonly seconds: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly most_ms: number;
  readonly load: number;
}

/** An entry of the trail, and when what it tells of happened. */
export interface Entry {
  readonly sequence: number;
  readonly occurred_ms: number;
}

/** At a moment, up to which entry all were found. */
export interface Look {
  readonly at_ms: number;
  readonly upTo: number;
}

/**
 * On a whole platform, from the commit of a transfer, through outbox, Kafka and the chain in Postgres, to a search that finds its entry. Entries are copied in the
 * order of their sequence, into one shard, so how many documents are found tells up to which entry all are.
 */
export async function measureSearchable(instance: string, perSecond: number, seconds: number): Promise<Searchable> {
  process.env.HOLDFAST_INSTANCE = instance;
  const platform = await Platform.attach();
  const search = await Search.open(platform);
  try {
    await platform.healthy(HEALED_AT_WORK);
    // One after the other: Keycloak turns an account away that signs in twice at once, and each is given its money by the same operator.
    const payers: Payer[] = [];
    while (payers.length < PAYERS) payers.push(await platform.fundedCustomer(FUNDS_MINOR));
    const before = await within(CAUGHT_UP, 'a trail that is searchable to its end', async () => {
      const [last] = await platform.query<{ sequence: number }>('core', 'audit', 'SELECT max(sequence)::int AS sequence FROM audit_log');
      const [documents, again] = [await search.documents(), await platform.query<{ unindexed: number }>('core', 'audit', 'SELECT (SELECT max(sequence) FROM audit_log) - sequence AS unindexed FROM search_index_position')];
      return last && again[0]?.unindexed === 0 ? { last: last.sequence, documents } : undefined;
    });
    const looks: Look[] = [];
    let looking = true;
    const lookout = (async () => {
      for (; looking; await pause(LOOK_MS)) looks.push({ upTo: (await search.documents()) - before.documents + before.last, at_ms: Date.now() });
    })();
    const began = performance.now();
    await pay(payers, perSecond, seconds);
    const took_s = (performance.now() - began) / 1_000;
    const entries = await within(CAUGHT_UP, 'every entry to be searchable', async () => {
      const rows = await platform.query<Entry>('core', 'audit', `SELECT sequence::int AS sequence, (extract(epoch FROM occurred_at) * 1000)::float8 AS occurred_ms FROM audit_log WHERE sequence > ${before.last} AND type = 'transfer.posted'`);
      return rows.length >= Math.floor(perSecond * seconds * 0.9) && (looks.at(-1)?.upTo ?? 0) >= Math.max(...rows.map(({ sequence }) => sequence)) ? rows : undefined;
    });
    looking = false;
    await lookout;
    const lags = lagsOf(entries, looks).toSorted((a, b) => a - b);
    return { seconds: took_s, events: entries.length, eventsPerSecond: entries.length / took_s, p50_ms: quantile(lags, 0.5), p99_ms: quantile(lags, 0.99), most_ms: lags.at(-1) ?? 0, load: load() };
  } finally {
    search.close();
    platform.close();
  }
}

/** How long after it happened each was found: by the first look that found it, so up to one look too long, and never too short. */
export function lagsOf(entries: readonly Entry[], looks: readonly Look[]): number[] {
  const inOrder = entries.toSorted((a, b) => a.sequence - b.sequence);
  let at = 0;
  return inOrder.map(({ sequence, occurred_ms }) => {
    while (at < looks.length && (looks[at] as Look).upTo < sequence) at++;
    const look = looks[at];
    if (!look) throw new Error(`entry ${sequence} was never found`);
    return look.at_ms - occurred_ms;
  });
}

/** Batches, several a second, so that the clients take little of the cores. */
async function pay(payers: readonly Payer[], perSecond: number, seconds: number): Promise<void> {
  const began = performance.now();
  const sent: Promise<void>[] = [];
  for (let batch = 0; batch < seconds * BATCHES_A_SECOND; batch++) {
    const payer = payers[batch % payers.length];
    if (!payer) break;
    const items = Array.from({ length: Math.round(perSecond / BATCHES_A_SECOND) }, () => ({ idempotency_key: randomUUID(), debit_account: payer.from, credit_account: payer.to, amount: '1', currency: 'EUR' }));
    sent.push(payer.client.must<{ items: { status: number }[] }>('POST', '/v1/transfers/batch', { items }).then(({ items: answers }) => {
      const refused = answers.find(({ status }) => status !== 201);
      if (refused) throw new Error(`a transfer was answered ${JSON.stringify(refused)}`);
    }));
    await pause(Math.max(0, ((batch + 1) * 1_000) / BATCHES_A_SECOND - (performance.now() - began)));
  }
  await Promise.all(sent);
}

/** Elasticsearch over one connection, as the reader: a process for each look would take more of the cores than what is measured. */
class Search {
  private readonly agent: Agent;
  private readonly host: string;
  private readonly password: string;

  private constructor(agent: Agent, host: string, password: string) {
    this.agent = agent;
    this.host = host;
    this.password = password;
  }

  static async open(platform: Platform): Promise<Search> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: readFileSync(platform.instance.caFile), servername: 'elasticsearch' });
    return new Search(agent, await platform.addressOf('elasticsearch'), await readSecret(platform.instance.directory, 'elasticsearch-reader-password'));
  }

  documents(): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = request({ agent: this.agent, host: this.host, port: 9200, path: '/holdfast-audit/_count', auth: `reader:${this.password}` }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('end', () => {
          const { count } = JSON.parse(text) as { count?: number };
          if (count === undefined) reject(new Error(`Elasticsearch: ${text.slice(0, 300)}`));
          else resolve(count);
        });
      });
      asked.on('error', reject).end();
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
