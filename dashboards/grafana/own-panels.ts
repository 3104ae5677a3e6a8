import { figure, lines, type Sized } from './panels.ts';

/** What matters of one service and of no other, chosen by hand. A service without a line here has the common panels only. */
const own: Readonly<Record<string, () => Sized[]>> = {
  edge: () => [
    lines('Requests, by status', 'reqps', { '{{code}}': 'sum by (code) (rate(haproxy_frontend_http_responses_total{component="edge", proxy="public"}[$__rate_interval]))' }, { stacked: true }),
    lines('Requests, by what is behind', 'reqps', { '{{proxy}}': 'sum by (proxy) (rate(haproxy_backend_http_requests_total{component="edge"}[$__rate_interval]))' }, { stacked: true }),
    lines('Mean time to an answer', 's', { '{{proxy}}': 'haproxy_backend_response_time_average_seconds{component="edge", proxy=~"gateway|keycloak"}' }, { hint: 'Of the last 1,024 requests.' }),
    lines('Servers that are ready', 'short', { '{{proxy}}': 'haproxy_backend_active_servers{component="edge", proxy=~"gateway|keycloak"}' }),
    lines('Connections, of what it may have', 'percentunit', { '': 'haproxy_process_current_connections{component="edge"} / haproxy_process_max_connections' }, { alert: 'ProxyConnectionsNearLimit' }),
    lines('Traffic', 'Bps', { in: 'sum(rate(haproxy_frontend_bytes_in_total{component="edge", proxy="public"}[$__rate_interval]))', out: 'sum(rate(haproxy_frontend_bytes_out_total{component="edge", proxy="public"}[$__rate_interval]))' }),
    lines('As a browser comes in', 's', { '{{phase}}': 'probe_http_duration_seconds{job="front-door"}' }, { stacked: true, hint: 'Asked every 15 s.' }),
    figure('Its certificate is good for', 's', { '': 'min(probe_ssl_earliest_cert_expiry{component="edge"}) - time()' }, { width: 8, limit: { value: 30 * 86_400, badIs: 'below' } }),
  ],
  gateway: () => [
    lines('Refused, by reason', 'ops', { '{{reason}}': 'sum by (reason) (rate(gateway_denied_total[$__rate_interval]))' }, { stacked: true, alert: 'UnauthenticatedSpike' }),
    lines('Repeated at another replica', 'ops', { '{{service}}, after {{failure}}': 'sum by (service, failure) (rate(gateway_upstream_repeats_total[$__rate_interval]))' }, { alert: 'RequestsRepeated' }),
    lines('Limits counted in its own memory', 'ops', { '': 'sum(rate(gateway_rate_limit_local_total[$__rate_interval]))' }, { hint: 'Redis does not answer.', alert: 'RateLimitsInMemory' }),
  ],
  transactions: () => [
    lines('Operations of the ledger, by outcome', 'ops', { '{{outcome}}': 'sum by (outcome) (rate(transfers_total[$__rate_interval]))' }, { stacked: true }),
    lines('Operations in one batch', 'short', { 'shard {{shard}}': 'sum by (shard) (rate(posting_batch_transfers_sum[$__rate_interval])) / sum by (shard) (rate(posting_batch_transfers_count[$__rate_interval]))' }, { hint: 'What arrives together is committed together.' }),
    lines('From the database to Kafka', 's', { 'shard {{shard}}': 'histogram_quantile(0.99, sum by (shard, le) (rate(outbox_acknowledged_seconds_bucket{component="transactions"}[$__rate_interval])))' }, { hint: '99 of 100 events are published sooner.' }),
  ],
  users: () => [
    lines('From the database to Kafka', 's', { '': 'histogram_quantile(0.99, sum by (le) (rate(outbox_acknowledged_seconds_bucket{component="users"}[$__rate_interval])))' }, { hint: '99 of 100 events are published sooner.' }),
  ],
  reporting: () => [
    lines('Reports, and whether they were at hand', 'ops', { '{{result}}': 'sum by (result) (rate(report_cache_total[$__rate_interval]))' }, { stacked: true, hint: 'away: Redis does not answer, and the report is computed.' }),
    lines('How old the reports are', 's', { '{{topic}} shard {{shard}}': 'event_delay_seconds{component="reporting"}' }, { hint: 'From when the last applied event occurred until it was applied.' }),
    lines('Events applied', 'ops', { '{{topic}} shard {{shard}}': 'sum by (topic, shard) (rate(events_applied_total{component="reporting"}[$__rate_interval]))' }),
  ],
  audit: () => [
    lines('Entries, by where they come from', 'ops', { '{{topic}}': 'sum by (topic) (rate(audit_entries_total[$__rate_interval]))' }, { stacked: true }),
    lines('From what happened to the trail', 's', { '{{topic}}': 'max by (topic) (event_delay_seconds{component="audit"})' }),
    lines('Entries not yet in Elasticsearch', 'short', { '': 'max(audit_entries_unindexed)' }, { alert: 'AuditNotIndexed' }),
  ],
  keycloak: () => [
    lines('Sign-ins and other events', 'ops', { '{{event}} {{error}}': 'sum by (event, error) (rate(keycloak_user_events_total[$__rate_interval]))' }, { stacked: true }),
    lines('Passwords checked', 'ops', { '{{outcome}}': 'sum by (outcome) (rate(keycloak_credentials_password_hashing_validations_total[$__rate_interval]))' }),
    lines('Requests, by status', 'reqps', { '{{status}}': 'sum by (status) (rate(http_server_requests_seconds_count{component="keycloak"}[$__rate_interval]))' }, { stacked: true }),
    lines('Mean time to an answer', 's', { '{{uri}}': 'topk(5, sum by (uri) (rate(http_server_requests_seconds_sum{component="keycloak"}[$__rate_interval])) / (sum by (uri) (rate(http_server_requests_seconds_count{component="keycloak"}[$__rate_interval])) > 0))' }, { hint: 'The five slowest addresses.' }),
    lines('Connections to its database', 'short', { 'in use': 'agroal_active_count{component="keycloak"}', free: 'agroal_available_count{component="keycloak"}', 'waited for': 'agroal_awaiting_count{component="keycloak"}' }, { stacked: true, alert: 'KeycloakPoolExhausted' }),
    lines('Heap, of what it may have', 'percentunit', { '': 'sum(jvm_memory_used_bytes{component="keycloak", area="heap"}) / sum(jvm_memory_max_bytes{component="keycloak", area="heap"} > 0)' }, { max: 1, alert: 'JvmHeapFull' }),
    lines('Time spent on collecting garbage', 'percentunit', { '': 'sum(rate(jvm_gc_pause_seconds_sum{component="keycloak"}[$__rate_interval]))' }),
    lines('Processor', 'percentunit', { '': 'system_cpu_usage{component="keycloak"}' }, { hint: 'Of the machine, as its own runtime sees it.' }),
  ],
};

export function ownPanels(service: string): Sized[] {
  return own[service]?.() ?? [];
}
