import { stopped, type Fault } from '../fault.ts';

export const elasticsearchFaults: readonly Fault[] = [
  { alert: 'ElasticsearchDown', what: 'Elasticsearch is stopped', labels: {}, make: stopped('elasticsearch'), scaled: { for: '30s' } },
];
