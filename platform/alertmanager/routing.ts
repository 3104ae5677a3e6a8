import { stringify } from 'yaml';

/** Who is told of what. The configuration of Alertmanager is made of it: for an installation by `alerts send-to`, for the image by `npm run generate`. */

export const KINDS = ['webhook', 'slack', 'pagerduty', 'email'] as const;
export const HEARS = ['page', 'ticket', 'all', 'heartbeat'] as const;

export interface Receiver {
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  /** `all`: pages and tickets. `heartbeat`: only `Watchdog`, every minute, for a machine that listens for its silence. */
  readonly hears: (typeof HEARS)[number];
  readonly channel?: string;
  readonly to?: string;
  readonly from?: string;
  readonly smarthost?: string;
  readonly user?: string;
}

/** One cause, one page: while a source fires, its targets are shown and nobody is told of them. `equal` names the labels that must agree. */
interface Inhibition {
  readonly source: string;
  readonly of?: Readonly<Record<string, string>>;
  readonly targets: readonly string[];
  /** Only targets with these labels. */
  readonly among?: Readonly<Record<string, string>>;
  readonly equal?: readonly string[];
}

export const inhibitions: readonly Inhibition[] = [
  { source: 'PostgresLeaderMissing', targets: ['PostgresReplicaMissing', 'PostgresNodeDown', 'PostgresArchiveFails', 'PostgresReplicaLags'], equal: ['cluster'] },
  { source: 'PostgresReplicaMissing', targets: ['PostgresNodeDown', 'PostgresReplicaLags'], equal: ['cluster'] },
  { source: 'PostgresLeaderMissing', targets: ['PgRouterNoLeader', 'MoneyInTransit', 'KeycloakPoolExhausted', 'EventsBehind', 'EventsNotPublished', 'EdgeBackendEmpty', 'ServerErrors'] },
  { source: 'ComponentDown', of: { component: 'pg-router' }, targets: ['PgRouterNoLeader', 'EdgeBackendEmpty', 'ServerErrors', 'KeycloakPoolExhausted', 'EventsBehind', 'MoneyInTransit'] },
  { source: 'ComponentDown', of: { component: 'etcd' }, targets: ['EtcdNoLeader', 'PostgresFailsafe'] },
  { source: 'ComponentDown', of: { component: 'kafka' }, targets: ['EventsNotPublished', 'EventsBehind', 'OutboxGrows', 'KafkaNoController', 'KafkaPartitionsOffline', 'DenialsNotAudited'] },
  { source: 'ComponentDown', of: { component: 'edge|gateway|keycloak' }, targets: ['EdgeBackendEmpty', 'EdgeUnreachable', 'ServerErrors'] },
  { source: 'ServiceAbsent', of: { job: 'gateway' }, targets: ['EdgeBackendEmpty', 'EdgeUnreachable', 'ServerErrors'] },
  { source: 'ServiceAbsent', targets: ['ComponentDown'], equal: ['job'] },
  { source: 'ServiceAbsent', targets: ['TlsHandshakeFails'], among: { job: 'certificates' } },
  { source: 'EdgeBackendEmpty', targets: ['ServerErrors', 'EdgeUnreachable'] },
  { source: 'RestartLoop', targets: ['ComponentDown'], equal: ['component'] },
  { source: 'RedisDown', targets: ['RateLimitsInMemory', 'ReportsWithoutCache'] },
  { source: 'RedisDown', targets: ['TlsHandshakeFails'], among: { component: 'redis' } },
  { source: 'ElasticsearchDown', targets: ['LogsNotDelivered', 'LogsTurnedAway', 'AuditNotIndexed', 'ElasticsearchRed', 'ElasticsearchYellow', 'LogSnapshotTooOld'] },
  { source: 'ElasticsearchDown', targets: ['TlsHandshakeFails'], among: { component: 'elasticsearch' } },
  { source: 'ElasticsearchFlooded', targets: ['ElasticsearchDiskLow', 'LogsTurnedAway', 'LogsNotDelivered', 'AuditNotIndexed'] },
  { source: 'DiskAlmostFull', targets: ['DiskFillsSoon'], equal: ['mountpoint'] },
  { source: 'MachineMemoryLow', targets: ['MemoryPressure', 'OutOfMemoryKill'] },
  { source: 'CertificateExpires', targets: ['CertificateExpiresSoon'], equal: ['component', 'instance'] },
  { source: 'PostgresXidExhausts', targets: ['PostgresXidAge'], equal: ['cluster'] },
  { source: 'PostgresArchiveFails', targets: ['WalArchiveStalled'], equal: ['cluster'] },
  { source: 'ErrorBudgetBurnsFast', targets: ['ErrorBudgetBurns', 'ErrorBudgetBurnsSlowly'], equal: ['service', 'objective'] },
  { source: 'ErrorBudgetBurns', targets: ['ErrorBudgetBurnsSlowly'], equal: ['service', 'objective'] },
  // What is gone says so itself; that its users fail is no news.
  { source: 'ComponentDown', targets: ['ErrorBudgetBurnsFast', 'ErrorBudgetBurns', 'ErrorBudgetBurnsSlowly'] },
  { source: 'ServiceAbsent', targets: ['ErrorBudgetBurnsFast', 'ErrorBudgetBurns', 'ErrorBudgetBurnsSlowly'] },
  { source: 'PostgresLeaderMissing', targets: ['ErrorBudgetBurnsFast', 'ErrorBudgetBurns', 'ErrorBudgetBurnsSlowly'] },
  { source: 'PostgresReplicaMissing', targets: ['ErrorBudgetBurnsFast', 'ErrorBudgetBurns', 'ErrorBudgetBurnsSlowly', 'MoneyInTransit', 'ServerErrors'] },
];

const SECRETS = '/run/holdfast';

/** The file, below the secrets directory of Alertmanager, that has a receiver's address or key. */
export function secretFile(name: string): string {
  return `receiver-${name}`;
}

/** Alertmanager's configuration, as YAML. Without a receiver alerts are kept and shown, and sent to nobody. */
export function alertmanagerConfiguration(receivers: readonly Receiver[]): string {
  const routes = receivers.map(({ name, hears }) => ({
    receiver: name,
    matchers: [{ page: 'severity = "page"', ticket: 'severity = "ticket"', all: 'severity =~ "page|ticket"', heartbeat: 'alertname = "Watchdog"' }[hears]],
    // A page that nobody has answered is told again within the hour, a ticket once a day.
    repeat_interval: { page: '1h', ticket: '24h', all: '4h', heartbeat: '1m' }[hears],
    continue: true,
  }));
  return stringify({
    route: { receiver: 'nobody', group_by: ['alertname', 'cluster', 'component'], group_wait: '10s', group_interval: '1m', repeat_interval: '4h', ...(routes.length > 0 && { routes }) },
    inhibit_rules: inhibitions.map(({ source, of = {}, targets, among = {}, equal = [] }) => ({
      source_matchers: [`alertname = "${source}"`, ...Object.entries(of).map(([label, value]) => `${label} =~ "${value}"`)],
      target_matchers: [`alertname =~ "${targets.join('|')}"`, ...Object.entries(among).map(([label, value]) => `${label} = "${value}"`)],
      ...(equal.length > 0 && { equal: [...equal] }),
    })),
    receivers: [{ name: 'nobody' }, ...receivers.map((receiver) => ({ name: receiver.name, ...integration(receiver) }))],
  }, { lineWidth: 0 });
}

function integration(receiver: Receiver): object {
  const secret = `${SECRETS}/${secretFile(receiver.name)}`;
  const text = '{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.hits }}\n{{ .Annotations.runbook_url }}\n{{ end }}';
  switch (receiver.kind) {
    case 'webhook': return { webhook_configs: [{ url_file: secret, send_resolved: true }] };
    case 'slack': return { slack_configs: [{ api_url_file: secret, send_resolved: true, ...(receiver.channel !== undefined && { channel: receiver.channel }), text }] };
    case 'pagerduty': return { pagerduty_configs: [{ routing_key_file: secret, send_resolved: true, description: '{{ (index .Alerts 0).Annotations.summary }}', details: { hits: '{{ (index .Alerts 0).Annotations.hits }}', runbook: '{{ (index .Alerts 0).Annotations.runbook_url }}' } }] };
    case 'email': return { email_configs: [{
      to: receiver.to, from: receiver.from, smarthost: receiver.smarthost, send_resolved: true, text,
      ...(receiver.user !== undefined && { auth_username: receiver.user, auth_password_file: secret }),
    }] };
  }
}
