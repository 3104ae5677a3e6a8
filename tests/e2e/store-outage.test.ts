import { expect, test } from '@playwright/test';
import { setTimeout as pause } from 'node:timers/promises';
import { CAUGHT_UP, HEALED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { SteadyTransfers, type Attempt } from '../kit/steady-transfers.ts';
import { within } from '../kit/within.ts';

/** How long each is away. CI shortens the two minutes that `--full` keeps: time is here the fault itself, not a wait. */
const OUTAGE_MS = process.env.HOLDFAST_FULL ? 120_000 : 15_000;

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

for (const service of ['kafka', 'redis', 'elasticsearch', 'logs', 'prometheus', 'reporting', 'audit', 'keycloak']) {
  test(`with ${service} stopped, money could stand still or the others never catch up`, async () => {
    const customer = await platform.fundedCustomer(100_000n);
    await customer.client.must('GET', '/v1/accounts'); // The services have fetched Keycloak's keys by now.
    const told = await duringOutage(service, customer);
    const failed = told.filter(({ status }) => status !== 201);
    expect(failed, 'requests that were not acknowledged').toEqual([]);
    expect(told.length).toBeGreaterThan(0);

    await platform.healthy(HEALED);
    await within(CAUGHT_UP, 'the report to show every transfer', async () => {
      const report = await customer.client.must<{ balances: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
      return report.balances.find((row) => row.account_id === customer.to)?.balance === String(told.length) ? true : undefined;
    });
    await within(CAUGHT_UP, 'the audit chain and Elasticsearch to hold every transfer', async () => {
      const chain = await platform.query<{ n: number }>('core', 'audit', `SELECT count(*)::int AS n FROM audit_log WHERE type = 'transfer.posted' AND event::jsonb #> '{data,entries}' @> '[{"account_id": "${customer.to}"}]'`);
      return chain[0]!.n === told.length ? true : undefined;
    });
    for (const { traceId } of [told[0], told.at(-1)].filter((attempt) => attempt !== undefined)) {
      const ofTheOutage = { bool: { filter: [{ term: { 'trace.id': traceId } }, { term: { 'service.name': 'transactions' } }] } };
      await within(CAUGHT_UP, 'the log lines of the outage in Elasticsearch', async () => (await platform.search('holdfast-logs', { size: 1, query: ofTheOutage }))[0]);
    }
  });
}

async function duringOutage(service: string, customer: { client: ConstructorParameters<typeof SteadyTransfers>[0]; from: string; to: string }): Promise<Attempt[]> {
  await platform.stop(service);
  try {
    const transfers = new SteadyTransfers(customer.client, customer.from, customer.to, 250);
    await pause(OUTAGE_MS);
    return await transfers.stop();
  } finally {
    await platform.start(service);
  }
}
