import type { Person, Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';
import { cutOff, letGo } from '../cut-off.ts';
import { insideNode } from '../inside-node.ts';
import { customerOn, Load, transferMany } from '../load.ts';
import { onLeader } from '../superuser.ts';

const readers = new Load();
const payers = new Load();

export const servicesFaults: readonly Fault[] = [
  { alert: 'EventStreamStopped', what: 'reporting is made to stand in an epoch that is not that of the events', labels: { component: 'reporting', shard: '0' }, make: standElsewhere, scaled: { for: '15s' }, needs: ['transactions', 'kafka'], always: true },
  { alert: 'EventsBehind', what: 'what reporting sends to Kafka is lost, while people pay', labels: { component: 'reporting' }, make: fallBehind, undo: async (platform) => { payers.stop(); await letGo(platform, 'reporting'); }, undoBefore: 'Check', scaled: { for: '15s' }, needs: ['transactions', 'kafka'] },
  { alert: 'EventLoopLate', what: 'reporting is busy for 700 ms at a time', labels: { component: 'reporting' }, make: keepBusy, undo: (platform) => insideNode(platform, 'reporting', 'clearInterval(globalThis.busy)'), tidy: async (platform) => { await platform.command('scale', 'reporting=1'); }, scaled: { for: '15s' }, touches: ['reporting'] },
  {
    alert: 'ReportsWithoutCache', what: 'what reporting sends to Redis is lost, while people ask for reports', labels: {}, make: askWithoutCache, undo: async (platform) => { readers.stop(); await letGo(platform, 'reporting'); },
    scaled: { for: '15s', range: ['5m', '1m'] }, touches: ['reporting', 'redis'], needs: ['transactions'],
  },
  { alert: 'AuditNotIndexed', what: 'what audit sends to Elasticsearch is lost, while people pay', labels: {}, make: payUnseen, undo: (platform) => letGo(platform, 'audit'), scaled: { for: '15s', number: ['1000', '50'] }, touches: ['audit', 'elasticsearch'], needs: ['transactions'] },
];

/** As if a restore had not been told to it. The next event shows it. */
async function standElsewhere(platform: Platform): Promise<void> {
  const person = await customerOn(platform, 0);
  await onLeader(platform, 'core', 'reporting', 'UPDATE consumer_position SET epoch = epoch - 1 WHERE shard = 0');
  await pay(person, 1);
}

/** The answer that reporting waits for already still arrives, with what is paid until then; what is paid after it does not. */
async function fallBehind(platform: Platform): Promise<void> {
  const person = await customerOn(platform, 0);
  await cutOff(platform, 'reporting', 'kafka');
  payers.start(2_000, () => pay(person, 1));
}

function keepBusy(platform: Platform): Promise<void> {
  return insideNode(platform, 'reporting', 'globalThis.busy = setInterval(() => { const until = Date.now() + 700; while (Date.now() < until); }, 900); undefined');
}

async function askWithoutCache(platform: Platform): Promise<void> {
  const person = await platform.fundedCustomer(1n);
  await person.client.must('GET', '/v1/reports/balances');
  await cutOff(platform, 'reporting', 'redis');
  readers.start(2_000, () => person.client.call('GET', '/v1/reports/balances'));
}

async function payUnseen(platform: Platform): Promise<void> {
  const person = await platform.fundedCustomer(1_000n);
  await cutOff(platform, 'audit', 'elasticsearch');
  await pay(person, 100);
}

async function pay(person: Person & { from: string; to: string }, count: number): Promise<void> {
  await transferMany(person, person.from, person.to, count);
}
