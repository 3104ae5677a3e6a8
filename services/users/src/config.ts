import { address, addressList, file, readConfig } from '@holdfast/kit/config';
import { serviceFields } from '@holdfast/kit/service-config';

export const config = readConfig('users', {
  ...serviceFields,
  database: address('DATABASE_ADDRESS', 'core.postgres:5432'),
  kafkaBrokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  /** The client secret with which this service administers people at Keycloak. Read at each use, so that it can be renewed. */
  keycloakSecretFile: file('KEYCLOAK_SECRET_FILE', '/run/holdfast/keycloak-client-users'),
});
