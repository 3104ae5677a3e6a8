import type { Screen } from './frame.ts';
import { figure, lines, table } from './panels.ts';
import { platformUid, serviceUid } from './uids.ts';

/** Who tries doors: at sign-in, at the API, in the administration; and how long keys are good. */
export function security(): Screen {
  return {
    folder: 'platform',
    uid: platformUid('security'),
    title: 'Security',
    description: 'Who tries doors, and how long certificates are good.',
    next: { gateway: serviceUid('gateway'), keycloak: serviceUid('keycloak'), Audit: platformUid('audit') },
    panels: [
      figure('Refused in the last hour', 'short', { '': 'sum(increase(gateway_denied_total[1h]))' }, { hint: 'Requests that had no good token, no right, or were too many.' }),
      figure('Failed sign-ins in the last hour', 'short', { '': 'sum(increase(keycloak_user_events_total{event="login", error!=""}[1h]))' }),
      figure('The next certificate ends in', 's', { '': 'min(probe_ssl_earliest_cert_expiry) - time()' }, { alert: 'CertificateExpires' }),
      figure('The authority ends in', 's', { '': 'min(certificate_authority_expires_timestamp_seconds) - time()' }, { alert: 'AuthorityExpires' }),
      lines('Refused by the gateway, by reason', 'ops', { '{{reason}}': 'sum by (reason) (rate(gateway_denied_total[$__rate_interval]))' }, { stacked: true, alert: 'UnauthenticatedSpike' }),
      lines('Too many requests', 'ops', { '': 'sum(rate(gateway_denied_total{reason="rate_limited"}[$__rate_interval]))' }, { alert: 'RateLimitStorm' }),
      lines('Not allowed to whoever asked', 'ops', { '{{component}} {{route}}': 'sum by (component, route) (rate(http_server_request_duration_seconds_count{status="403"}[$__rate_interval]))' }, { stacked: true, alert: 'ForbiddenSpike' }),
      lines('Sign-ins', 'ops', { 'succeeded, {{realm}}': 'sum by (realm) (rate(keycloak_user_events_total{event="login", error=""}[$__rate_interval]))' }, { stacked: true }),
      lines('Sign-ins that failed', 'ops', { '{{error}}': 'sum by (error) (rate(keycloak_user_events_total{event="login", error!=""}[$__rate_interval]))' }, { stacked: true, alert: 'LoginFailures' }),
      lines('Requests to the administration of sign-in', 'reqps', { '': 'sum(rate(haproxy_backend_http_requests_total{component="edge", proxy="keycloak-admin"}[$__rate_interval]))' }, { alert: 'AdminActionsAtNight', limit: { value: 0.1, badIs: 'above' }, hint: 'Roles, passwords and clients are set there, seldom.' }),
      table('Certificates, the next to end first', 's', { '': 'sort(min by (component) (probe_ssl_earliest_cert_expiry) - time())' }, { rename: { Value: 'is good for' }, alert: 'CertificateExpiresSoon' }),
      table('Ports that do not shake hands', 'short', { '': 'min by (component, instance) (probe_success{job="certificates"})' }, { rename: { Value: '1: it does' }, limit: { value: 1, badIs: 'below' } }),
    ],
  };
}
