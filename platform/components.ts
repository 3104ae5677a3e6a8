/**
 * Every component that runs as a container: the one declaration of its uid, the names in its certificate and the
 * secrets it may read. Certificates, secret directories, access lists and the secret grep test are derived from here.
 */

/** A generated secret: what it is for, in the words of `holdfast credentials`. Values are 32 random bytes, base64url. */
export const secrets = {
  'keycloak-admin-password': 'Keycloak administration console, user "admin"',
  'platform-admin-password': 'platform administrator, user "admin@holdfast.internal"',
  'platform-operator-password': 'operator, user "operator@holdfast.internal"',
  'platform-auditor-password': 'auditor, user "auditor@holdfast.internal"',
  'keycloak-client-users': 'client secret of the users service at Keycloak',
  'keycloak-client-gateway': 'client secret of the sign-in at the edge',
  'keycloak-client-grafana': 'client secret of Grafana at Keycloak',
  'keycloak-client-audit': 'client secret with which audit reads Keycloak\'s events',
  'audit-signing-key': 'signs the checkpoints of the audit trail (the seed of an Ed25519 key); never renewed without ./holdfast audit key being told anew',
  'redis-gateway-password': 'Redis user "gateway"',
  'redis-reporting-password': 'Redis user "reporting"',
  'elasticsearch-superuser-password': 'Elasticsearch user "elastic", for the setup job only',
  'elasticsearch-audit-password': 'Elasticsearch user "audit"',
  'elasticsearch-logs-password': 'Elasticsearch user "logs"',
  'elasticsearch-reader-password': 'Elasticsearch user "reader" (read-only, as whom the gateway lets auditors into Kibana)',
  'elasticsearch-metrics-password': 'Elasticsearch user "metrics" (figures, no documents)',
  'elasticsearch-kibana-password': 'Elasticsearch user "kibana-server"',
  'elasticsearch-snapshots-password': 'Elasticsearch user "snapshots" (takes and deletes snapshots of log lines)',
  'pgbackrest-cipher-passphrase': 'encrypts the backup repository',
  'pgbackrest-second-cipher-passphrase': 'encrypts the second backup repository, where there is one',
  'grafana-admin-password': 'Grafana administrator, user "admin"',
  'grafana-encryption-key': 'encrypts the credentials that Grafana keeps in its database',
  'kibana-encryption-key': 'encrypts the sessions and saved objects of Kibana',
} as const;

export type SecretName = keyof typeof secrets;

export interface Component {
  /** Numeric user of the container, and owner (0400) of its files in the secrets directory. */
  uid: number;
  /** DNS names in its certificate. The first is the common name: its principal at Kafka, Postgres and pgBackRest. */
  names: readonly [string, ...string[]];
  /** Secrets it reads, each a file /run/holdfast/<name>. */
  secrets?: readonly SecretName[];
  /** A service of ours: a Nest application under services/. */
  nest?: true;
}

/** A Postgres cluster: two nodes under Patroni, and where pg-router serves them; every node carries the address in its certificate. */
export interface PostgresCluster {
  readonly nodes: readonly [string, string];
  /** Host name under which its nodes are reached at pg-router, and the ports there. */
  readonly address: string;
  readonly leaderPort: number;
  readonly replicaPort: number;
  /** Whether its leader acknowledges a commit only when a second node has it, and so refuses writes without a synchronous replica. */
  readonly strict: boolean;
}

/** The clusters with which every installation begins. Those of one installation, ledgers that were added included: `clustersOf`. */
export const postgresClusters = {
  core: { nodes: ['core-a', 'core-b'], address: 'core.postgres', leaderPort: 5432, replicaPort: 6432, strict: false },
  ledger0: ledgerCluster(0),
  ledger1: ledgerCluster(1),
} as const satisfies Record<string, PostgresCluster>;

/** Shards of the ledger at the beginning, and at most: a shard is a partition of `ledger.events` (platform/kafka/topics.ts). */
export const LEDGERS_AT_FIRST = 2;
export const LEDGERS_MAX = 8;

/** The clusters of an installation with so many shards of the ledger (`Settings.ledgers`), by name. */
export function clustersOf(ledgers: number): Record<string, PostgresCluster> {
  const added = Array.from({ length: ledgers - LEDGERS_AT_FIRST }, (_, index) => index + LEDGERS_AT_FIRST);
  return { ...postgresClusters, ...Object.fromEntries(added.map((shard) => [`ledger${shard}`, ledgerCluster(shard)])) };
}

/** Leaders of the ledger's shards as services are told of them: `host:port`, in the order of their numbers. */
export function ledgerAddresses(ledgers: number): string[] {
  return Array.from({ length: ledgers }, (_, shard) => ledgerCluster(shard)).map(({ address, leaderPort }) => `${address}:${leaderPort}`);
}

function ledgerCluster<Shard extends number>(shard: Shard) {
  return {
    nodes: [`ledger${shard}-a`, `ledger${shard}-b`], address: `ledger${shard}.postgres`, leaderPort: 5433 + shard, replicaPort: 6433 + shard, strict: true,
  } as const;
}

function nodesOf(clusters: Record<string, PostgresCluster>): Record<string, Component> {
  return Object.fromEntries(Object.values(clusters).flatMap(({ nodes, address }) => nodes.map((node): [string, Component] => [node, { uid: 6110, names: [node, address] }])));
}

type PostgresNode = (typeof postgresClusters)[keyof typeof postgresClusters]['nodes'][number];

const postgresNodes = nodesOf(postgresClusters) as Record<PostgresNode, Component>;

export const components = {
  edge: { uid: 6101, names: ['edge'] },
  'pg-router': { uid: 6102, names: ['pg-router'] },
  etcd: { uid: 6103, names: ['etcd'] },
  'pg-guard': { uid: 6104, names: ['pg-guard'] },
  ...postgresNodes,
  // One uid, as both work on the repositories' files. Their passphrases reach both in pgBackRest's own settings (platform/pgbackrest/configuration.ts).
  pgbackrest: { uid: 6111, names: ['pgbackrest'] },
  'backup-scheduler': { uid: 6111, names: ['backup-scheduler'], secrets: ['elasticsearch-snapshots-password'] },
  // It has no network: what it restores is reached on its own loopback. It reads the repositories' files.
  'restore-proof': { uid: 6111, names: ['restore-proof', 'localhost'], secrets: ['pgbackrest-cipher-passphrase'] },
  kafka: { uid: 6120, names: ['kafka'] },
  redis: { uid: 6121, names: ['redis'] },
  elasticsearch: { uid: 6122, names: ['elasticsearch'], secrets: [
    'elasticsearch-superuser-password', 'elasticsearch-audit-password', 'elasticsearch-logs-password',
    'elasticsearch-reader-password', 'elasticsearch-metrics-password', 'elasticsearch-kibana-password', 'elasticsearch-snapshots-password',
  ] },
  keycloak: { uid: 6123, names: ['keycloak'], secrets: ['keycloak-admin-password'] },
  gateway: { uid: 6130, names: ['gateway'], secrets: ['redis-gateway-password', 'keycloak-client-gateway', 'elasticsearch-reader-password'], nest: true },
  users: { uid: 6131, names: ['users'], secrets: ['keycloak-client-users'], nest: true },
  transactions: { uid: 6132, names: ['transactions'], nest: true },
  reporting: { uid: 6133, names: ['reporting'], secrets: ['redis-reporting-password'], nest: true },
  audit: { uid: 6134, names: ['audit'], secrets: ['elasticsearch-audit-password', 'keycloak-client-audit', 'audit-signing-key'], nest: true },
  setup: {
    uid: 6135,
    names: ['setup'],
    secrets: [
      'keycloak-admin-password', 'platform-admin-password', 'platform-operator-password', 'platform-auditor-password',
      'keycloak-client-users', 'keycloak-client-gateway', 'keycloak-client-grafana', 'keycloak-client-audit', 'elasticsearch-superuser-password',
    ],
  },
  logs: { uid: 6140, names: ['logs'], secrets: ['elasticsearch-logs-password'] },
  prometheus: { uid: 6141, names: ['prometheus'] },
  alertmanager: { uid: 6142, names: ['alertmanager'] },
  'node-exporter': { uid: 6143, names: ['node-exporter'] },
  'postgres-exporter': { uid: 6144, names: ['postgres-exporter'] },
  grafana: { uid: 6145, names: ['grafana'], secrets: ['grafana-admin-password', 'grafana-encryption-key', 'keycloak-client-grafana', 'elasticsearch-reader-password'] },
  kibana: { uid: 6146, names: ['kibana'], secrets: ['elasticsearch-kibana-password', 'kibana-encryption-key'] },
  'redis-exporter': { uid: 6147, names: ['redis-exporter'] },
  'elasticsearch-exporter': { uid: 6148, names: ['elasticsearch-exporter'], secrets: ['elasticsearch-metrics-password'] },
  'blackbox-exporter': { uid: 6149, names: ['blackbox-exporter'] },
} as const satisfies Record<string, Component>;

export type ComponentName = keyof typeof components;

/** All components of an installation with so many shards of the ledger, by name. */
export function componentsOf(ledgers: number): Record<string, Component> {
  return { ...components, ...nodesOf(clustersOf(ledgers)) };
}

/** The services of ours: what can be scaled, and what balances over its replicas. */
export const nestServices = (Object.keys(components) as ComponentName[]).filter((name) => 'nest' in components[name]) as readonly string[];
