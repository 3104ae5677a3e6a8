import { address, addressList, integer, readConfig } from '@holdfast/kit/config';
import { serviceFields } from '@holdfast/kit/service-config';

/** The only file here that reads the environment. */
export const config = readConfig('reporting', {
  ...serviceFields,
  database: address('REPORTING_DATABASE', 'core.postgres:5432'),
  kafkaBrokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  redis: address('REDIS', 'redis:6380'),
  /** How long an answer that nobody asks for stays in Redis. It bounds memory; that answers are never stale does not depend on it. */
  cacheTtlS: integer('CACHE_TTL_S', 300, { min: 1, max: 86_400 }),
});
