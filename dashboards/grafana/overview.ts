import type { Catalogue } from '../../platform/cli/catalogue.ts';
import type { Screen } from './frame.ts';
import { figure, lines, table } from './panels.ts';
import { serviceMap } from './service-map.ts';
import { platformUid } from './uids.ts';

/** The first screen of whoever is woken: what is ill, whom it hurts, where to look next. */
export function overview(catalogue: Catalogue): Screen {
  return {
    folder: 'platform',
    uid: platformUid('overview'),
    title: 'Overview',
    description: 'What is ill, what promises are kept, and where to look next.',
    next: { Objectives: platformUid('objectives'), Ledger: platformUid('ledger'), 'Backups and restore': platformUid('backups') },
    panels: [
      figure('Pages firing', 'short', { '': 'count(ALERTS{alertstate="firing", severity="page"}) or vector(0)' }, { width: 4, limit: { value: 1, badIs: 'above' }, hint: 'Each has its row below, and its page.' }),
      figure('The front door answers', 'percentunit', { '': 'avg_over_time(probe_success{job="front-door"}[$__range])' }, { width: 4, limit: { value: 0.999, badIs: 'below' }, hint: 'Share of the time in which a browser would have got in.' }),
      figure('Objectives within budget', 'percentunit', { '': 'count(objective:bad:share_1h <= on (service, objective) group_left () objective:budget:share) / count(objective:bad:share_1h)' }, { width: 4, limit: { value: 1, badIs: 'below' }, hint: 'Of those that had enough requests in the last hour to be judged.' }),
      figure('Transfers', 'ops', { '': 'sum(rate(transfers_total{outcome="posted"}[$__rate_interval]))' }, { width: 4, hint: 'Posted each second, over all shards.' }),
      figure('Oldest backup', 's', { '': 'max(time() - max by (cluster) (backup_last_success_timestamp_seconds))' }, { width: 4, hint: 'Of the cluster whose last backup is the oldest. The WAL since then is kept as well.' }),
      figure('Ledger verified', 's', { '': 'time() - max(ledger_verify_last_success_timestamp_seconds)' }, { width: 4, alert: 'LedgerNotVerified', hint: 'How long ago all sums were found right.' }),
      serviceMap(catalogue),
      table('Alerts', 'short', { '': 'max by (alertname, severity, component, cluster, service) (ALERTS{alertstate="firing"})' }, {
        width: 12, hide: ['Value'], rename: { alertname: 'alert' }, pages: 'alert',
        hint: 'Watchdog always fires: its silence would mean that alerts do not get through. A click on a name opens its page.',
      }),
      lines('Requests at the edge, by status', 'reqps', { '{{code}}': 'sum by (code) (rate(haproxy_frontend_http_responses_total{component="edge", proxy="public"}[$__rate_interval]))' }, { stacked: true }),
      lines('Late answers, by service', 's', { '{{component}}': 'histogram_quantile(0.99, sum by (component, le) (rate(http_server_request_duration_seconds_bucket{route=~"/v1.*"}[$__rate_interval])))' }, { hint: '99 of 100 requests are answered sooner.' }),
      lines('Budget spent, in multiples of what is allowed', 'short', { '{{service}} {{objective}}': 'objective:bad:share_1h / on (service, objective) group_left () objective:budget:share' }, { limit: { value: 14.4, badIs: 'above' }, hint: 'Over the last hour. At 1 the budget of 30 days is gone after 30 days; at 14.4 somebody is woken.' }),
    ],
  };
}
