import { CAUGHT_UP } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Scene } from './drill.ts';

const STREAMS = [['ledger0', 'ledger', 'ledger.events'], ['ledger1', 'ledger', 'ledger.events'], ['core', 'users', 'users.events']] as const;

/** What a journal has of one epoch. */
interface Told {
  readonly topic: string;
  readonly shard: number;
  readonly epoch: number;
  readonly events: string;
  readonly last: string;
}

/** The audit trail has every event that the journals have, once. Others may write on: what they add after the look at the journals is not asked for. */
export async function auditLacks({ platform }: Scene): Promise<string[]> {
  const journals = await Promise.all(STREAMS.map(async ([cluster, database, topic]) => {
    const epochs = await platform.query<Omit<Told, 'topic'>>(cluster, database,
      'SELECT (SELECT shard FROM event_stream) AS shard, epoch::int, count(*)::text AS events, max(sequence)::text AS last FROM outbox WHERE sequence IS NOT NULL GROUP BY epoch');
    return epochs.map((epoch): Told => ({ topic, ...epoch }));
  }));
  let unequal: string[] = [];
  await within(CAUGHT_UP, 'the audit trail to have all events', async () => {
    unequal = (await Promise.all(journals.flat().map((told) => lacking(platform, told)))).flat();
    return unequal.length === 0 ? true : undefined;
  }).catch(() => undefined);
  return unequal;
}

async function lacking(platform: Scene['platform'], { topic, shard, epoch, events, last }: Told): Promise<string[]> {
  const [row] = await platform.query<{ different: string; all: string }>('core', 'audit',
    `SELECT count(DISTINCT event_sequence)::text AS different, count(*)::text AS all FROM audit_log WHERE topic = '${topic}' AND shard = ${shard} AND epoch = ${epoch} AND event_sequence <= ${last}`);
  const { different = '0', all = '0' } = row ?? {};
  return different === events && all === events ? [] : [`${topic} of shard ${shard}, epoch ${epoch}, up to ${last}: the journal has ${events} events, the audit trail ${all}, of which ${different} different ones`];
}
