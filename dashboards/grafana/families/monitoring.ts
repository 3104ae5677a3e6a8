import type { Family } from './family.ts';
import { figure, lines } from '../panels.ts';

export const monitoring: Family = {
  name: 'monitoring',
  title: 'Monitoring',
  description: 'Whether we would see it, and whether somebody would be told.',
  panels: [
    figure('Endpoints that answer', 'percentunit', { '': 'avg(up)' }, { width: 8, limit: { value: 1, badIs: 'below' } }),
    figure('Series', 'short', { '': 'prometheus_tsdb_head_series' }, { width: 8, alert: 'TooManySeries' }),
    figure('Alerts that fire', 'short', { '': 'count(ALERTS{alertstate="firing"})' }, { width: 8, hint: 'One of them is Watchdog, which always does.' }),
    lines('Samples', 'ops', { '': 'sum(rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))' }),
    lines('Slowest endpoints', 's', { '{{job}} {{instance}}': 'topk(5, scrape_duration_seconds)' }, { alert: 'ScrapesLate' }),
    lines('Slowest rules', 's', { '{{rule_group}}': 'topk(5, prometheus_rule_group_last_duration_seconds)' }, { alert: 'RulesSlow' }),
    lines('Alerts handed to Alertmanager', 'ops', { handed: 'rate(prometheus_notifications_sent_total[$__rate_interval])', lost: 'rate(prometheus_notifications_dropped_total[$__rate_interval])' }),
    lines('Messages to people', 'ops', { '{{integration}}': 'sum by (integration) (rate(alertmanager_notifications_total[$__rate_interval]))' }, { stacked: true }),
    lines('Messages that did not get through', 'ops', { '{{integration}}': 'sum by (integration) (rate(alertmanager_notifications_failed_total[$__rate_interval]))' }, { alert: 'AlertsNotDelivered' }),
    lines('Alerts at Alertmanager', 'short', { '{{state}}': 'alertmanager_marked_alerts' }, { stacked: true }),
    lines('Memory', 'bytes', { '{{component}}': 'process_resident_memory_bytes{component=~"prometheus|alertmanager"}' }),
  ],
};
