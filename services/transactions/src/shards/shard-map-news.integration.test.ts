import { afterAll, beforeAll, test } from '@jest/globals';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Ledger } from './ledger.ts';
import { ShardMapNews } from './shard-map-news.ts';

let postgres: ThrowawayPostgres;
let heard = 0;

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({ database: 'ledger', role: 'transactions', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)) });
}, 120_000);

afterAll(() => postgres?.stop());

async function untilHeard(times: number): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (heard < times) {
    if (Date.now() > deadline) throw new Error(`heard ${heard} times in 15 s, not ${times}`);
    await sleep(10);
  }
}

test('a change of the map is heard at once, and a lost connection is made again and counts as news', async () => {
  const ledger = { refresh: async () => void (heard += 1) } as unknown as Ledger;
  const news = new ShardMapNews(ledger, [postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 2 })]);
  news.start();
  try {
    await untilHeard(1);
    await postgres.sql('setup', 'SELECT leave_bucket(7, 1)', 'ledger');
    await untilHeard(2);
    await postgres.sql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'transactions'");
    await untilHeard(3);
    await postgres.sql('setup', 'SELECT keep_bucket(7)', 'ledger');
    await untilHeard(4);
  } finally {
    await news.stop();
  }
}, 60_000);
