import { CAUGHT_UP, KAFKA_LOST, MONEY_MOVES } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Drill, Scene } from './drill.ts';

/** Events that nobody has read when Kafka dies: they have to come out of the journal. */
const UNREAD = 50;
const READERS = ['audit', 'reporting'];

export const kafkaLost: Drill = {
  page: 'kafka-lost',
  budgetMs: KAFKA_LOST,
  disaster: async ({ platform, damage, say }) => {
    for (const reader of READERS) await platform.stop(reader);
    const read = await published(platform);
    await within(MONEY_MOVES, 'events that nobody reads', async () => ((await published(platform)) >= read + UNREAD ? true : undefined));
    say(`kafka-lost: at least ${UNREAD} events are in Kafka alone`);
    await damage.destroy('kafka');
    for (const reader of READERS) await platform.start(reader);
    return {};
  },
  alsoEqual: auditLacks,
};

async function published(platform: Scene['platform']): Promise<number> {
  const counts = await Promise.all((['ledger0', 'ledger1'] as const).map((cluster) => platform.query<{ n: number }>(cluster, 'ledger', 'SELECT published_sequence::int AS n FROM event_stream')));
  return counts.reduce((sum, [row]) => sum + (row?.n ?? 0), 0);
}

/** Others may write on between the two looks. */
const reaches = (found: string | undefined, last: string): boolean => /^\d+$/.test(found ?? '') && Number(found) >= Number(last);

/** The audit trail has every event of every stream, once. */
async function auditLacks({ platform }: Scene): Promise<string[]> {
  const wanted = new Map<string, string>();
  for (const [cluster, database, topic] of [['ledger0', 'ledger', 'ledger.events'], ['ledger1', 'ledger', 'ledger.events'], ['core', 'users', 'users.events']] as const) {
    const [row] = await platform.query<{ shard: number; last: string }>(cluster, database, 'SELECT shard, last_sequence::text AS last FROM event_stream');
    if (row) wanted.set(`${topic} shard ${row.shard}`, row.last);
  }
  let unequal: string[] = [];
  await within(CAUGHT_UP, 'the audit trail to have all events', async () => {
    const rows = await platform.query<{ name: string; events: string; last: string }>('core', 'audit',
      `SELECT topic || ' shard ' || shard AS name, count(DISTINCT event_sequence)::text AS events, count(*)::text AS last FROM audit_log WHERE topic IN ('ledger.events', 'users.events') GROUP BY topic, shard`);
    const found = new Map(rows.map(({ name, events, last }) => [name, events === last ? events : `${events} different ones of ${last}`]));
    unequal = [...wanted].filter(([name, last]) => last !== '0' && !reaches(found.get(name), last)).map(([name, last]) => `${name}: the journal has ${last} events, the audit trail ${found.get(name) ?? 'none'}`);
    return unequal.length === 0 ? true : undefined;
  }).catch(() => undefined);
  return unequal;
}
