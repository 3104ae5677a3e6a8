import { expect, test } from '@playwright/test';
import { CAUGHT_UP } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { SteadyTransfers } from '../kit/steady-transfers.ts';
import { within } from '../kit/within.ts';
import { run } from '../../platform/cli/run.ts';
import { join } from 'node:path';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('a replica of transactions that comes or goes could cost a request', async () => {
  const customer = await platform.fundedCustomer(100_000n);
  const transfers = [1, 2, 3, 4].map(() => new SteadyTransfers(customer.client, customer.from, customer.to, 100));
  const total = (): number => transfers.reduce((sum, one) => sum + one.acknowledged, 0);

  for (const replicas of [2, 1]) {
    await scale(replicas);
    const before = total();
    await within(CAUGHT_UP, `40 more transfers with ${replicas} replicas`, async () => (total() >= before + 40 ? true : undefined));
    expect((await platform.containers()).filter(({ service }) => service === 'transactions')).toHaveLength(replicas);
  }

  const histories = await Promise.all(transfers.map((one) => one.stop()));
  expect(histories.flat().filter(({ status }) => status !== 201)).toEqual([]);
});

async function scale(replicas: number): Promise<void> {
  const cli = join(import.meta.dirname, '../../platform/cli/main.ts');
  const outcome = await run('node', [cli, '--instance', platform.instance.name, 'scale', `transactions=${replicas}`]);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
}
