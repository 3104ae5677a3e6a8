import type { Family } from './family.ts';
import { figure, lines } from '../panels.ts';

export const kafka: Family = {
  name: 'kafka',
  title: 'Kafka',
  description: 'The broker, its topics, and how far their readers are.',
  panels: [
    figure('Partitions', 'short', { '': 'sum(kafka_controller_kafkacontroller_globalpartitioncount)' }, { width: 8 }),
    figure('Offline', 'short', { '': 'sum(kafka_controller_kafkacontroller_offlinepartitionscount)' }, { width: 8, alert: 'KafkaPartitionsOffline' }),
    figure('With fewer copies than they should', 'short', { '': 'sum(kafka_server_replicamanager_underreplicatedpartitions)' }, { width: 8, alert: 'KafkaUnderReplicated' }),
    lines('Events in', 'ops', { '{{topic}}': 'sum by (topic) (rate(kafka_server_brokertopicmetrics_messagesin_total{topic!="", topic!~"__.*"}[$__rate_interval]))' }, { stacked: true }),
    lines('Traffic', 'Bps', { in: 'sum(rate(kafka_server_brokertopicmetrics_bytesin_total{topic=""}[$__rate_interval]))', out: 'sum(rate(kafka_server_brokertopicmetrics_bytesout_total{topic=""}[$__rate_interval]))' }),
    lines('Events that a reader has not applied', 'short', { '{{component}}: {{topic}} [{{partition}}]': 'clamp_min(max by (topic, partition) (kafka_log_log_logendoffset) - on (topic, partition) group_right () max by (component, topic, partition) (event_next_offset), 0)' }, { hint: 'Its end here, against the next event that the reader wants.' }),
    lines('Age of the last applied event, when it was applied', 's', { '{{component}}: {{topic}}': 'max by (component, topic) (event_delay_seconds)' }, { hint: 'The alert is EventsBehind: two minutes.' }),
    lines('Time that a request takes', 'short', { '{{request}}, ms': 'kafka_network_requestmetrics_totaltimems{request="Produce", quantile="0.99"}' }, { alert: 'KafkaSlow', hint: 'Milliseconds, 99 of 100 are faster. A fetch waits for events, and says nothing.' }),
    lines('Threads that are idle', 'percentunit', { requests: 'kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent - 1', network: 'kafka_network_socketserver_networkprocessoravgidlepercent' }, { max: 1, alert: 'KafkaHandlersBusy' }),
    lines('Size of topics', 'bytes', { '{{topic}}': 'sum by (topic) (kafka_log_log_size)' }, { stacked: true }),
    lines('Heap, of what it may have', 'percentunit', { '': 'sum(jvm_memory_used_bytes{component="kafka", area="heap"}) / sum(jvm_memory_max_bytes{component="kafka", area="heap"} > 0)' }, { max: 1, alert: 'JvmHeapFull' }),
  ],
};
