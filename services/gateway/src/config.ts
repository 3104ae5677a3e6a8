import { address, addressList, file, integer, readConfig } from '@holdfast/kit/config';
import { serviceFields } from '@holdfast/kit/service-config';

const perMinute = { min: 1, max: 1_000_000 };

export const config = readConfig('gateway', {
  ...serviceFields,
  redis: address('REDIS_ADDRESS', 'redis:6380'),
  redisPasswordFile: file('REDIS_PASSWORD_FILE', '/run/holdfast/redis-gateway-password'),
  kafkaBrokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  users: address('USERS_ADDRESS', 'users:3000'),
  transactions: address('TRANSACTIONS_ADDRESS', 'transactions:3000'),
  reporting: address('REPORTING_ADDRESS', 'reporting:3000'),
  audit: address('AUDIT_ADDRESS', 'audit:3000'),
  prometheus: address('PROMETHEUS_ADDRESS', 'prometheus:9090'),
  alertmanager: address('ALERTMANAGER_ADDRESS', 'alertmanager:9093'),
  kibana: address('KIBANA_ADDRESS', 'kibana:5601'),
  readerPasswordFile: file('ELASTICSEARCH_READER_PASSWORD_FILE', '/run/holdfast/elasticsearch-reader-password'),
  keycloakSecretFile: file('KEYCLOAK_SECRET_FILE', '/run/holdfast/keycloak-client-gateway'),
  subjectLimit: integer('RATE_LIMIT_PER_SUBJECT_PER_MINUTE', 600, perMinute),
  anonymousLimit: integer('RATE_LIMIT_ANONYMOUS_PER_IP_PER_MINUTE', 120, perMinute),
  registrationLimit: integer('RATE_LIMIT_REGISTRATION_PER_IP_PER_MINUTE', 20, perMinute),
});
