import { randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { CAUGHT_UP } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { run } from '../../platform/cli/run.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('the only gateway, late with its checks, could be written off while it would still answer', async () => {
  const customer = await platform.fundedCustomer(100n);
  const [gateway, edge] = await Promise.all([platform.container('gateway'), platform.container('edge')]);
  const since = new Date().toISOString();
  await platform.signal(gateway, 'SIGSTOP');
  try {
    await within(CAUGHT_UP, 'the edge to find the gateway late', async () => {
      const { stdout, stderr } = await run('docker', ['logs', '--since', since, edge.id]);
      return /Server gateway\/gateway\d is DOWN/.test(stdout + stderr) ? true : undefined;
    });
    const transfer = customer.client.transfer({ from: customer.from, to: customer.to, amountMinor: 1n, currency: 'EUR' }, randomUUID());
    await platform.signal(gateway, 'SIGCONT');
    expect((await transfer).status).toBe(201);
  } finally {
    await platform.signal(gateway, 'SIGCONT');
  }
});
