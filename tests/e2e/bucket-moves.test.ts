import { expect, test } from '@playwright/test';
import { CAUGHT_UP } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { SteadyTransfers } from '../kit/steady-transfers.ts';
import { within } from '../kit/within.ts';

/** The longest that a bucket may stand still. */
const PAUSE_MAX_MS = 1_000;

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('people whose bucket moves to another shard and back could be refused, lose money, or lose their past', async () => {
  const customer = await platform.fundedCustomer(10_000n);
  const bucket = Number.parseInt(customer.from.slice(14, 18), 16) & 0x3ff;
  const home = await shardOf(bucket);
  const transfers = new SteadyTransfers(customer.client, customer.from, customer.to, 20);

  for (const to of [1 - home, home]) {
    const before = transfers.acknowledged;
    const { exitCode, stdout, stderr } = await platform.command('shards', 'move', String(bucket), '--to', String(to));
    expect(exitCode, stderr).toBe(0);
    expect(Number(/longest pause (\d+) ms/.exec(stdout)?.[1]), stdout).toBeLessThanOrEqual(PAUSE_MAX_MS);
    expect(await shardOf(bucket)).toBe(to);
    await within(CAUGHT_UP, 'transfers on the new shard', async () => (transfers.acknowledged > before + 10 ? true : undefined));
  }
  const told = await transfers.stop();
  expect(told.filter(({ status }) => status !== 201), 'requests that were not acknowledged').toEqual([]);

  const moved = BigInt(told.length);
  const { balance } = await customer.client.must<{ balance: string }>('GET', `/v1/accounts/${customer.to}`);
  expect(balance).toBe(String(moved));
  const { entries } = await customer.client.must<{ entries: { transfer_id: string }[] }>('GET', `/v1/accounts/${customer.from}/entries?limit=200`);
  expect(new Set(entries.map(({ transfer_id }) => transfer_id)).size).toBeGreaterThan(2);
  await within(CAUGHT_UP, 'the report to show every transfer', async () => {
    const report = await customer.client.must<{ balances: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
    return report.balances.find(({ account_id }) => account_id === customer.to)?.balance === String(moved) ? true : undefined;
  });
  const verified = await platform.command('ledger', 'verify');
  expect(verified.exitCode, verified.stdout).toBe(0);
});

test('the shards could be shown as they are not', async () => {
  const { exitCode, stdout } = await platform.command('shards', '--json');
  expect(exitCode).toBe(0);
  const rows = JSON.parse(stdout) as { shard: number; buckets: number; leader: string }[];
  expect(rows.map(({ shard, leader }) => [shard, leader])).toEqual([[0, await platform.leaderOf('ledger0')], [1, await platform.leaderOf('ledger1')]]);
  expect(rows.reduce((sum, { buckets }) => sum + buckets, 0)).toBe(1024);
});

async function shardOf(bucket: number): Promise<number> {
  const [row] = await platform.query<{ shard: number }>('ledger0', 'ledger', `SELECT shard FROM shard_map WHERE bucket = ${bucket}`);
  return row!.shard;
}
