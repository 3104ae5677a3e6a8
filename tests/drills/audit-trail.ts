import { CAUGHT_UP } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { holdfast } from './holdfast.ts';

/** The journals: an outbox has every event that it ever numbered, under the epoch in which that was. */
const JOURNALS = [['ledger0', 'ledger', 'ledger.events'], ['ledger1', 'ledger', 'ledger.events'], ['core', 'users', 'users.events']] as const;

interface Stretch {
  readonly topic: string;
  readonly shard: number;
  readonly epoch: number;
  readonly first: string;
  readonly last: string;
  readonly events: string;
  /** Of their ids, in order. */
  readonly digest: string;
}

const DIGEST = (id: string, sequence: string): string => `count(*)::text AS events, md5(string_agg(${id}::text, ',' ORDER BY ${sequence})) AS digest`;

/** The audit trail has every event of every journal, once and in order. What a restore has undone stays in it besides, under the numbers that come after what stands. */
export async function auditLacks(platform: Platform): Promise<string[]> {
  const wanted = (await Promise.all(JOURNALS.map(([cluster, database, topic]) => platform.query<Stretch>(cluster, database,
    `SELECT '${topic}' AS topic, shard, outbox.epoch, min(sequence)::text AS first, max(sequence)::text AS last, ${DIGEST('event_id', 'sequence')}
       FROM outbox, event_stream WHERE sequence IS NOT NULL GROUP BY shard, outbox.epoch`)))).flat();
  if (wanted.length === 0) return ['no journal has an event: the audit trail was held against nothing'];
  let unequal: string[] = [];
  await within(CAUGHT_UP, 'the audit trail to have all events', async () => {
    unequal = (await Promise.all(wanted.map((stretch) => differenceIn(platform, stretch)))).flat();
    return unequal.length === 0 ? true : undefined;
  }).catch((error: unknown) => { if (unequal.length === 0) unequal = [(error as Error).message]; });
  return unequal;
}

async function differenceIn(platform: Platform, { topic, shard, epoch, first, last, events, digest }: Stretch): Promise<string[]> {
  const [found] = await platform.query<Pick<Stretch, 'events' | 'digest'>>('core', 'audit',
    `SELECT ${DIGEST('event_id', 'event_sequence')} FROM audit_log WHERE topic = '${topic}' AND shard = ${shard} AND epoch = ${epoch} AND event_sequence BETWEEN ${first} AND ${last}`);
  if (found?.events === events && found.digest === digest) return [];
  return [`${topic} shard ${shard}, ${first} to ${last} of epoch ${epoch}: the journal has ${events} events, the audit trail ${found?.events === events ? 'as many, which are others' : (found?.events ?? 'none')}`];
}

/** The whole trail is what was signed. */
export async function trailIsBroken(platform: Platform): Promise<string[]> {
  const { exitCode, stdout, stderr } = await holdfast(platform, 'audit', 'verify');
  return exitCode === 0 ? [] : [`the audit trail is not as it was signed: ${stdout}${stderr.slice(-500)}`];
}
