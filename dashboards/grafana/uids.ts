/**
 * The addresses of the dashboards: /grafana/d/<uid>. They stand in bookmarks, links and pages, so that a name may change here and a uid may not:
 * `uids.txt` beside this file is what has ever been given out, and a test compares.
 */
export const platformUid = (name: string): string => `holdfast-${name}`;
export const serviceUid = (service: string): string => `holdfast-service-${service}`;
export const familyUid = (family: string): string => `holdfast-component-${family}`;

/** What a link of Grafana leads to; it puts its own path before it. */
export const addressOf = (uid: string): string => `/d/${uid}`;

/** Which dashboard shows a component of dashboards/catalogue.yaml that is no service. */
export const shownBy: Readonly<Record<string, string>> = {
  core: familyUid('postgres'),
  ledger0: familyUid('postgres'),
  ledger1: familyUid('postgres'),
  'pg-router': familyUid('postgres'),
  'pg-guard': familyUid('postgres'),
  'postgres-exporter': familyUid('postgres'),
  etcd: familyUid('etcd'),
  pgbackrest: platformUid('backups'),
  'backup-scheduler': platformUid('backups'),
  kafka: familyUid('kafka'),
  redis: familyUid('redis'),
  'redis-exporter': familyUid('redis'),
  elasticsearch: familyUid('elasticsearch'),
  'elasticsearch-exporter': familyUid('elasticsearch'),
  kibana: familyUid('elasticsearch'),
  logs: familyUid('logs'),
  prometheus: familyUid('monitoring'),
  alertmanager: familyUid('monitoring'),
  'blackbox-exporter': familyUid('monitoring'),
  grafana: familyUid('monitoring'),
  'node-exporter': familyUid('machine'),
};
