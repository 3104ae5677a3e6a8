import { expect, test } from '@playwright/test';
import { CAUGHT_UP, SCRAPED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { SteadyTransfers } from '../kit/steady-transfers.ts';
import { within } from '../kit/within.ts';

/** The longest that a bucket may stand still. */
const PAUSE_MAX_MS = 1_000;
/** How many the new shard is to have; few, as moving all of a third takes minutes, and is no other thing. */
const BUCKETS = 12;

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('a shard that joins while people pay could cost a request, take money along, or be forgotten by backups and metrics', async () => {
  // Two more Postgres nodes, which stay: the tests after this one share the machine with them.
  test.skip(!process.env.HOLDFAST_FULL, 'only with --full');
  test.setTimeout(900_000);
  const shard = platform.instance.settings.ledgers;
  const cluster = `ledger${shard}` as const;
  const [one, other] = [await platform.fundedCustomer(100_000n), await platform.fundedCustomer(100_000n)];
  const transfers = [new SteadyTransfers(one.client, one.from, one.to, 50), new SteadyTransfers(other.client, other.from, other.to, 50), new SteadyTransfers(one.client, one.from, other.to, 50)];

  const added = await platform.command('shards', 'add', '--move', String(BUCKETS), '--json');
  expect(added.exitCode, added.stderr).toBe(0);
  expect(JSON.parse(added.stdout)).toEqual({ shard, cluster, buckets_moved: BUCKETS });
  expect(Number(/longest pause (\d+) ms/.exec(added.stderr)?.[1] ?? 0)).toBeLessThanOrEqual(PAUSE_MAX_MS);

  // Somebody who surely pays from the new shard.
  const bucket = Number.parseInt(one.from.slice(14, 18), 16) & 0x3ff;
  const before = transfers[0]!.acknowledged;
  const moved = await platform.command('shards', 'move', String(bucket), '--to', String(shard));
  expect(moved.exitCode, moved.stderr).toBe(0);
  await within(CAUGHT_UP, 'transfers on the new shard', async () => (transfers[0]!.acknowledged > before + 20 ? true : undefined));
  const told = (await Promise.all(transfers.map((each) => each.stop()))).flat();
  expect(told.filter(({ status }) => status !== 201), 'requests that were not acknowledged').toEqual([]);

  const shown = JSON.parse((await platform.command('shards', '--json')).stdout) as { shard: number; buckets: number; leader: string }[];
  expect(shown.at(-1)).toMatchObject({ shard, leader: await platform.leaderOf(cluster) });
  expect(shown.reduce((sum, { buckets }) => sum + buckets, 0)).toBe(1024);
  const verified = await platform.command('ledger', 'verify');
  expect(verified.exitCode, verified.stdout).toBe(0);
  expect(verified.stdout).toContain(`shard ${shard}`);

  const { balance } = await one.client.must<{ balance: string }>('GET', `/v1/accounts/${one.to}`);
  await within(CAUGHT_UP, 'the report to show what happened on the new shard', async () => {
    const report = await one.client.must<{ balances: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
    return report.balances.find(({ account_id }) => account_id === one.to)?.balance === balance ? true : undefined;
  });
  const backups = JSON.parse(await platform.inside('backup-scheduler', 'pgbackrest', `--stanza=${cluster}`, '--output=json', 'info')) as { status: { code: number }; backup: unknown[] }[];
  expect(backups.map(({ status, backup }) => [status.code, backup.length > 0])).toEqual([[0, true]]);
  for (const metric of ['up{job="patroni"', 'pg_up{job="postgres"']) {
    await within(SCRAPED, `${metric} of both nodes`, async () => ((await platform.prometheus(`${metric},cluster="${cluster}"}`)).filter(({ value }) => value === 1).length === 2 ? true : undefined));
  }
  await platform.healthy(CAUGHT_UP);
});

test('what a shard lacks to join could be found out half-way', async () => {
  expect(await platform.command('shards', 'add', '--move', '2000')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('there are 1024') });
});

