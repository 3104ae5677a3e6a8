import { address, addressList, integer, readConfig, url } from '@holdfast/kit/config';
import { serviceFields } from '@holdfast/kit/service-config';

/** The only file here that reads the environment. */
export const config = readConfig('audit', {
  ...serviceFields,
  database: address('AUDIT_DATABASE', 'core.postgres:5432'),
  kafkaBrokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  elasticsearch: url('ELASTICSEARCH_URL', 'https://elasticsearch:9200'),
  /** How often the log is looked at for entries to index when nothing tells of new ones (another replica appended them). */
  indexEveryMs: integer('INDEX_EVERY_MS', 2_000, { min: 100, max: 60_000 }),
});
