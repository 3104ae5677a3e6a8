import { stopped, type Fault } from '../fault.ts';

export const componentFaults: readonly Fault[] = [
  { alert: 'ComponentDown', what: 'Kafka is stopped', labels: { component: 'kafka' }, make: stopped('kafka'), always: true },
  { alert: 'ServiceAbsent', what: 'the only container of reporting is removed', labels: { job: 'reporting' }, make: async (platform) => { await platform.instance.compose(['rm', '--stop', '--force', 'reporting']); } },
  { alert: 'SupportDown', what: 'node-exporter is stopped', labels: { component: 'node-exporter' }, make: stopped('node-exporter'), scaled: { for: '15s' } },
];
