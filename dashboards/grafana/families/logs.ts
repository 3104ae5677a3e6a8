import type { Family } from './family.ts';
import { lines } from '../panels.ts';

export const logs: Family = {
  name: 'logs',
  title: 'Logs',
  description: 'From the files of Docker to Elasticsearch. What is not delivered waits on disk.',
  panels: [
    lines('Deliveries, by answer', 'reqps', { '{{code}}': 'sum by (code) (rate(haproxy_backend_http_responses_total{component="logs", proxy="elasticsearch"}[$__rate_interval]))' }, { stacked: true, hint: 'Many lines are one delivery. Anything but 2xx is delivered again.' }),
    lines('Sent', 'Bps', { '': 'sum(rate(haproxy_backend_bytes_in_total{component="logs", proxy="elasticsearch"}[$__rate_interval]))' }),
    lines('Mean time of a delivery', 's', { '': 'haproxy_backend_total_time_average_seconds{component="logs", proxy="elasticsearch"}' }, { hint: 'Of the last 1,024.' }),
    lines('Documents that Elasticsearch wrote', 'ops', { '': 'sum(rate(elasticsearch_indices_indexing_index_total[$__rate_interval]))' }, { hint: 'Lines, and entries of the audit trail.' }),
    lines('Answers that were broken off', 'ops', { '': 'sum(rate(haproxy_backend_response_errors_total{component="logs", proxy="elasticsearch"}[$__rate_interval]))' }, { hint: 'The guard breaks the connection for any answer but a delivery, so that lines are sent again.' }),
    lines('Size of a delivery', 'bytes', { '': 'sum(rate(haproxy_backend_bytes_in_total{component="logs", proxy="elasticsearch"}[$__rate_interval])) / sum(rate(haproxy_backend_http_responses_total{component="logs", proxy="elasticsearch"}[$__rate_interval]))' }, { hint: 'What has come within a second goes together: small ones under load cost Elasticsearch a request each.' }),
  ],
};
