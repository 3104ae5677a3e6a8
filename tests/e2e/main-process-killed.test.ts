import { expect, test } from '@playwright/test';
import { components } from '../../platform/components.ts';
import { CAUGHT_UP, HEALED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { SteadyTransfers } from '../kit/steady-transfers.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

const VENDOR_ONLY = ['grafana', 'kibana'];
const killable = Object.keys(components).filter((name) => name !== 'setup' && !VENDOR_ONLY.includes(name));

for (const service of killable) {
  test(`kill -9 of ${service} could need help, or lose what was acknowledged`, async () => {
    const customer = await platform.fundedCustomer(100_000n);
    const transfers = new SteadyTransfers(customer.client, customer.from, customer.to);
    const victim = await platform.container(service);
    await within(CAUGHT_UP, 'the first acknowledged transfer', async () => (transfers.acknowledged > 0 ? true : undefined));

    const killedAt = Date.now();
    await platform.kill(victim);
    await within(HEALED, `${service} to be a new process`, async () => {
      const now = await platform.container(service);
      return now.startedAt.getTime() !== victim.startedAt.getTime() || now.restarts > victim.restarts ? true : undefined;
    });
    await platform.healthy(killedAt + HEALED - Date.now());
    const before = transfers.acknowledged;
    await within(killedAt + HEALED - Date.now(), 'transfers to be acknowledged again', async () => (transfers.acknowledged > before ? true : undefined));
    // Transfers need neither Keycloak nor the core cluster; a newcomer needs both.
    await within(killedAt + HEALED - Date.now(), 'a person to register and sign in', () => platform.newCustomer());
    const history = await transfers.stop();

    const keys = history.filter(({ status }) => status === 201).map(({ key }) => key);
    expect(await inLedger(keys), 'acknowledged transfers that are in the ledger').toBe(keys.length);
  });
}

/** How many of the acknowledged keys stand in the ledger, over both shards. */
async function inLedger(keys: readonly string[]): Promise<number> {
  const list = keys.map((key) => `'${key}'`).join(',');
  let found = 0;
  for (const cluster of ['ledger0', 'ledger1'] as const) {
    const rows = await platform.query<{ n: number }>(cluster, 'ledger', `SELECT count(*)::int AS n FROM idempotency_keys WHERE key IN (${list})`);
    found += rows[0]!.n;
  }
  return found;
}
