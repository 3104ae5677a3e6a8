import { address, addressList, file, integer, oneOf, readConfig, text, url } from '@holdfast/kit/config';
import { serviceFields } from '@holdfast/kit/service-config';

/** The only file here that reads the environment. */
export const config = readConfig('audit', {
  ...serviceFields,
  database: address('AUDIT_DATABASE', 'core.postgres:5432'),
  kafkaBrokers: addressList('KAFKA_BROKERS', 'kafka:9093'),
  elasticsearch: url('ELASTICSEARCH_URL', 'https://elasticsearch:9200'),
  /** How often the log is looked at for entries to index when nothing tells of new ones (another replica appended them). */
  indexEveryMs: integer('INDEX_EVERY_MS', 2_000, { min: 100, max: 60_000 }),
  /** Where checkpoints go: a volume of its own, outside of the database. */
  checkpoints: file('CHECKPOINTS_DIRECTORY', '/var/lib/checkpoints'),
  /** The second place, where one is configured; a directory of another machine, if it is to help when this one is lost. */
  secondPlace: oneOf('SECOND_PLACE', ['none', 'configured'], 'none'),
  secondCheckpoints: file('SECOND_CHECKPOINTS_DIRECTORY', '/var/lib/checkpoints-copy'),
  checkpointEveryMs: integer('CHECKPOINT_EVERY_MS', 60_000, { min: 1_000, max: 3_600_000 }),
  /** The whole log is walked over again so often. */
  patrolEveryMinutes: integer('PATROL_EVERY_MINUTES', 60, { min: 1, max: 10_080 }),
  /** What operators did, as the CLI wrote it down. */
  operatorLog: text('OPERATOR_LOG', '/var/lib/operator-log/commands.ndjson'),
  sourcesEveryMs: integer('SOURCES_EVERY_MS', 5_000, { min: 500, max: 600_000 }),
});
