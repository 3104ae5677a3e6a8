import { KAFKA_LOST, MONEY_MOVES } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import { auditLacks } from './audit-trail.ts';
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
  alsoEqual: ({ platform }) => auditLacks(platform),
};

async function published(platform: Scene['platform']): Promise<number> {
  const counts = await Promise.all((['ledger0', 'ledger1'] as const).map((cluster) => platform.query<{ n: number }>(cluster, 'ledger', 'SELECT published_sequence::int AS n FROM event_stream')));
  return counts.reduce((sum, [row]) => sum + (row?.n ?? 0), 0);
}
