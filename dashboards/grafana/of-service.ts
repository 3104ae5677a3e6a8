import type { Catalogue } from '../../platform/cli/catalogue.ts';
import type { Screen } from './frame.ts';
import { figure, lines, states, type Sized } from './panels.ts';
import { presence } from './presence.ts';
import { ownPanels } from './own-panels.ts';
import { serviceUid, shownBy } from './uids.ts';

/** What answers HTTP itself and is written in TypeScript; edge and keycloak are others' programs. */
const isOurs = (service: string): boolean => !['edge', 'keycloak'].includes(service);

/** One dashboard for each service of the catalogue: what it promises, what it is asked, what it costs, and what is its own. */
export function ofService(catalogue: Catalogue, service: string): Screen {
  const { owner = '', needs = [], objectives = [] } = catalogue.services[service] ?? {};
  return {
    folder: 'services',
    uid: serviceUid(service),
    title: service,
    description: `Owner: ${owner}. Promises: ${objectives.map(({ promise }) => promise).join('; ')}.`,
    next: Object.fromEntries(needs.map((need) => [need, need in catalogue.services ? serviceUid(need) : (shownBy[need] ?? '')]).filter(([, uid]) => uid !== '')),
    ...(isOurs(service) && { variables: { replica: { label: 'Replica', values: `up{component="${service}", job="${service}"}, instance` } } }),
    panels: [
      states('It and what it needs', Object.fromEntries([service, ...needs].map((name) => [name, presence(catalogue, name)])), ['there', 'away']),
      ...objectives.map(({ name, promise }): Sized => figure(`Budget spent: ${name}`, 'short', {
        '1 h': `objective:bad:share_1h{service="${service}", objective="${name}"} / on (service, objective) group_left () objective:budget:share`,
        '6 h': `objective:bad:share_6h{service="${service}", objective="${name}"} / on (service, objective) group_left () objective:budget:share`,
      }, { limit: { value: 1, badIs: 'above' }, hint: `${promise}. In multiples of what is allowed; nothing is shown while next to nothing is asked.` })),
      ...(isOurs(service) ? asked(service) : []),
      ...ownPanels(service),
    ],
  };
}

function asked(service: string): Sized[] {
  const of = `component="${service}", instance=~"$replica"`;
  return [
    lines('Requests, by status', 'reqps', { '{{status}}': `sum by (status) (rate(http_server_request_duration_seconds_count{${of}, route=~"/v1.*"}[$__rate_interval]))` }, { stacked: true }),
    lines('How long they take', 's', Object.fromEntries([['half', 0.5], ['9 of 10', 0.9], ['99 of 100', 0.99]].map(([legend, share]) => [legend, `histogram_quantile(${share}, sum by (le) (rate(http_server_request_duration_seconds_bucket{${of}, route=~"/v1.*"}[$__rate_interval])))`]))),
    lines('The slowest routes', 's', { '{{method}} {{route}}': `topk(5, histogram_quantile(0.99, sum by (method, route, le) (rate(http_server_request_duration_seconds_bucket{${of}, route=~"/v1.*"}[$__rate_interval]))))` }, { hint: 'The five of which one request in a hundred takes longest.' }),
    lines('Processor', 'percentunit', { '{{instance}}': `rate(process_cpu_seconds_total{${of}}[$__rate_interval])` }, { hint: 'Of one core.' }),
    lines('Memory, of what it may have', 'percentunit', { '{{instance}}': `process_resident_memory_bytes{${of}} / on (component) group_left () component:memory_limit_bytes` }, { max: 1, alert: 'MemoryNearLimit' }),
    lines('Busy at a stretch', 's', { '{{instance}}': `nodejs_eventloop_lag_p99_seconds{${of}}` }, { hint: 'For so long nobody else was answered, at the worst of 100 times.', alert: 'EventLoopLate' }),
  ];
}
