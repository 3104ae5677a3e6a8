import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { nestServices } from '../../platform/components.ts';
import { EVERYWHERE, SCRAPED } from '../kit/budgets.ts';
import { readTopic } from '../kit/events.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('a transfer that the caller was told of could be missing from Kafka, audit, search, reports, logs or metrics', async () => {
  const customer = await platform.fundedCustomer(10_000n);
  await within(EVERYWHERE, 'the deposit in the report', async () => ((await reported(customer, customer.from)) === '10000' ? true : undefined));
  const postedBefore = await counted('sum(transfers_total{outcome="posted"})');

  const traceId = randomBytes(16).toString('hex');
  const answer = await customer.client.transfer({ from: customer.from, to: customer.to, amountMinor: 2_500n, currency: 'EUR' }, randomUUID(), { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` });
  expect(answer.status).toBe(201);
  const transferId = answer.body.id;

  await test.step('on Kafka, with its epoch, shard and sequence', async () => {
    const events = await readTopic(platform, 'ledger.events', EVERYWHERE, (event) => event.data['transfer_id'] === transferId);
    const event = events.at(-1)!;
    expect(event).toMatchObject({ type: 'transfer.posted', epoch: 1, data: { kind: 'transfer' } });
    expect(event.data['entries']).toEqual(expect.arrayContaining([
      { account_id: customer.from, amount: '-2500', currency: 'EUR', balance: '7500', version: '2' },
      { account_id: customer.to, amount: '2500', currency: 'EUR', balance: '2500', version: '1' },
    ]));
    expect(event.traceparent).toContain(traceId);
    const sequences = events.filter(({ shard }) => shard === event.shard).map(({ sequence }) => BigInt(sequence));
    for (let index = 1; index < sequences.length; index++) expect(sequences[index]! - sequences[index - 1]! <= 1n).toBe(true);
  });

  await test.step('in the report, and the cached report is not stale', async () => {
    await within(EVERYWHERE, 'the transfer in the report', async () => ((await reported(customer, customer.from)) === '7500' && (await reported(customer, customer.to)) === '2500' ? true : undefined));
    expect(await reported(customer, customer.from)).toBe('7500');
  });

  await test.step('in the audit chain and in Elasticsearch', async () => {
    const auditor = await platform.auditor();
    const entry = await within(EVERYWHERE, 'the entry in the audit chain', async () => {
      const page = await auditor.must<{ entries: { sequence: string; hash: string }[] }>('GET', `/v1/audit/entries?trace_id=${traceId}`);
      return page.entries[0];
    });
    expect(entry.hash).toMatch(/^[0-9a-f]{64}$/);
    await within(EVERYWHERE, 'the entry in Elasticsearch', async () => (await platform.search('holdfast-audit', { query: { term: { 'trace.id': traceId } } }))[0]);
  });

  await test.step('in the logs of every service on its way, under one trace id', async () => {
    const expected = ['edge', 'gateway', 'transactions', 'reporting', 'audit'];
    await within(EVERYWHERE, `log lines of ${expected.join(', ')}`, async () => {
      const lines = await platform.search<{ 'service.name': string }>('holdfast-logs', { size: 100, query: { term: { 'trace.id': traceId } } });
      const services = new Set(lines.map((line) => line['service.name']));
      if (!expected.every((service) => services.has(service))) throw new Error(`only ${[...services].join(', ')}`);
      return true;
    });
  });

  await test.step('in the metrics', async () => {
    await within(SCRAPED, 'the counter of posted transfers has moved', async () => ((await counted('sum(transfers_total{outcome="posted"})')) > postedBefore ? true : undefined));
  });
});

test('a component could be invisible to Prometheus', async () => {
  await within(SCRAPED, 'every target up', async () => {
    const targets = await platform.prometheus('up');
    const down = targets.filter(({ value }) => value !== 1).map(({ metric }) => `${metric['job']} ${metric['instance']}`);
    if (down.length > 0) throw new Error(`down: ${down.join(', ')}`);
    const jobs = targets.map(({ metric }) => metric['job']);
    for (const job of [...nestServices, 'edge', 'etcd', 'kafka', 'keycloak', 'prometheus', 'alertmanager', 'node-exporter']) expect(jobs).toContain(job);
    return true;
  });
});

async function reported(customer: { client: { must: Platform['visitor']['must'] } }, account: string): Promise<string | undefined> {
  const report = await customer.client.must<{ balances: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
  return report.balances.find((row) => row.account_id === account)?.balance;
}

async function counted(query: string): Promise<number> {
  return (await platform.prometheus(query))[0]?.value ?? 0;
}
