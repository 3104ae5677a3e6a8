import type { Platform } from '../kit/platform.ts';

/** What makes an alert fire on a running platform, and how its page is told which one it is about. */
export interface Fault {
  readonly alert: string;
  /** In the words of FIRED.md. */
  readonly what: string;
  /** Labels that the alert must carry, which become the variables of its page. */
  readonly labels: Readonly<Record<string, string>>;
  readonly make: (platform: Platform) => Promise<void>;
  /** Puts things right where the page does not, as it cannot know that they were only played. */
  readonly undo?: (platform: Platform) => Promise<void>;
  /** What the rule waits for is scaled: another `for`, or another number in the place of one. Never another expression. */
  readonly scaled?: { readonly for?: string; readonly number?: readonly [string, string] };
  /** Fired by every run; the others by `--full`. */
  readonly always?: true;
}

const stop = (service: string) => (platform: Platform): Promise<void> => platform.stop(service);
const start = (service: string) => (platform: Platform): Promise<void> => platform.start(service);

/** One row an alert. Those that CI always fires are one of each family of pages. */
export const faults: readonly Fault[] = [
  { alert: 'ComponentDown', what: 'etcd is stopped', labels: { component: 'etcd' }, make: stop('etcd') },
  { alert: 'ComponentDown', what: 'Kafka is stopped', labels: { component: 'kafka' }, make: stop('kafka'), always: true },
  { alert: 'ServiceAbsent', what: 'the only container of reporting is removed', labels: { job: 'reporting' }, make: async (platform) => { await platform.instance.compose(['rm', '--stop', '--force', 'reporting']); } },
  { alert: 'SupportDown', what: 'node-exporter is stopped', labels: { component: 'node-exporter' }, make: stop('node-exporter'), scaled: { for: '15s' } },
  { alert: 'RedisDown', what: 'Redis is stopped', labels: { component: 'redis' }, make: stop('redis'), always: true },
  { alert: 'ElasticsearchDown', what: 'Elasticsearch is stopped', labels: {}, make: stop('elasticsearch'), scaled: { for: '30s' } },
  { alert: 'EdgeUnreachable', what: 'the edge is frozen', labels: { job: 'front-door' }, make: async (platform) => platform.signal(await platform.container('edge'), 'SIGSTOP') },
  { alert: 'PostgresReplicaMissing', what: 'the replica of ledger1 is stopped', labels: { cluster: 'ledger1' }, make: async (platform) => platform.stop((await platform.leaderOf('ledger1')) === 'ledger1-a' ? 'ledger1-b' : 'ledger1-a'), always: true },
  { alert: 'PostgresLeaderMissing', what: 'both nodes of ledger1 are stopped', labels: { cluster: 'ledger1' }, make: async (platform) => { await platform.stop('ledger1-b'); await platform.stop('ledger1-a'); }, always: true },
  { alert: 'PostgresArchiveFails', what: 'the backup repository is stopped', labels: { cluster: 'ledger0' }, make: stop('pgbackrest') },
  { alert: 'LedgerFindings', what: 'a balance is changed past the service', labels: {}, make: (platform) => changeBalance(platform, 1), undo: (platform) => changeBalance(platform, -1) },
  { alert: 'DiskAlmostFull', what: 'the threshold is 99.9 % free', labels: { mountpoint: '/' }, make: () => Promise.resolve(), scaled: { for: '15s', number: ['0.10', '0.999'] } },
  { alert: 'TlsHandshakeFails', what: 'the backup repository is frozen', labels: { component: 'pgbackrest' }, make: async (platform) => platform.signal(await platform.container('pgbackrest'), 'SIGSTOP'), undo: async (platform) => platform.signal(await platform.container('pgbackrest'), 'SIGCONT'), scaled: { for: '15s' } },
  { alert: 'LogsNotDelivered', what: 'the shipper is frozen', labels: {}, make: stop('logs'), undo: start('logs'), scaled: { for: '15s' } },
];

/** Written by a superuser, as no service can: the balance of the cash account, without an entry. */
async function changeBalance(platform: Platform, minor: number): Promise<void> {
  const leader = await platform.leaderOf('ledger0');
  await platform.inside(leader, 'psql', '-X', '-q', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'ledger', '-c',
    `SET session_replication_role = replica; UPDATE accounts SET balance_minor = balance_minor + (${minor}) WHERE id = (SELECT min(id::text)::uuid FROM accounts)`);
}
