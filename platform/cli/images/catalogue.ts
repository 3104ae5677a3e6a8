import { versions } from '../versions.ts';

/** An image that Holdfast builds from package mirrors. */
export interface Image {
  name: string;
  dockerfile: string;
  target?: string;
  /** Images that its Dockerfile starts from. */
  on: readonly string[];
  /** Files and directories that go into it: its identity is the hash of these. */
  inputs: readonly string[];
  /** Only builds and tests need it: not part of an installation. */
  buildOnly?: true;
}

const base = { dockerfile: 'platform/base/Dockerfile', on: [], inputs: ['platform/base/Dockerfile', 'platform/base/maven-get.sh'] } as const;

function room(name: string, on: readonly string[] = ['base'], extra: readonly string[] = []): Image {
  return { name, dockerfile: `platform/${name}/Dockerfile`, on, inputs: [`platform/${name}`, ...extra] };
}

const manifests = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.base.json'];

/** In an order in which each stands after those it is built on. */
export const images: readonly Image[] = [
  { ...base, name: 'base', target: 'base' },
  { ...base, name: 'node', target: 'node' },
  { ...base, name: 'maven', target: 'maven', buildOnly: true },
  room('postgres'),
  room('keycloak', ['base', 'maven']),
  room('elasticsearch', ['base', 'maven']),
  room('kafka', ['base', 'maven']),
  { name: 'services', dockerfile: 'services/Dockerfile', on: ['node'], inputs: ['services', ...manifests] },
  room('setup', ['node'], [...manifests, 'platform/kafka/topics.ts', 'platform/keycloak', 'platform/elasticsearch', 'platform/kibana/objects', 'platform/components.ts', 'services', 'backups/schedule.ts', 'backups/log-snapshots.ts']),
  room('etcd'),
  room('pg-router'),
  room('pg-guard', ['node']),
  room('pgbackrest'),
  { name: 'backup-scheduler', dockerfile: 'backups/scheduler/Dockerfile', on: ['pgbackrest', 'node'], inputs: ['backups/scheduler', ...['schedule', 'due', 'disks', 'repository-info', 'log-snapshots'].map((name) => `backups/${name}.ts`)] },
  { name: 'restore-proof', dockerfile: 'backups/proof/Dockerfile', on: ['postgres', 'services'], inputs: ['backups/proof', 'backups/schedule.ts', 'backups/repository-info.ts', 'platform/cli/errors.ts', ...['cut', 'place', 'restored-cluster', 'streams'].map((name) => `platform/cli/recover/${name}.ts`)] },
  room('redis'),
  room('edge', ['base'], ['runbooks/alerts', 'runbooks/procedures']),
  room('logs'),
  room('prometheus'),
  room('alertmanager'),
  room('node-exporter'),
  room('postgres-exporter'),
  room('redis-exporter'),
  room('elasticsearch-exporter'),
  room('blackbox-exporter'),
];

/** Where tests run; not part of an installation. */
export const testsImage: Image = {
  name: 'tests', dockerfile: 'tests/Dockerfile', on: ['base', 'node'],
  inputs: ['tests', 'services', 'platform', 'backups', 'holdfast', 'docker-compose.yml', 'eslint.config.js', 'jest.config.js', '.dependency-cruiser.cjs', '.hadolint.yaml', ...manifests],
};

/** What releases and bundles are made with; not part of an installation. */
export const releaseImage: Image = { name: 'release', dockerfile: 'platform/release/Dockerfile', on: [], inputs: ['platform/release/Dockerfile', 'platform/toolbox/Dockerfile'] };

/** What the seeded fault test makes faults with; not part of an installation. */
export const faultsImage: Image = {
  name: 'faults', dockerfile: 'tests/faults/Dockerfile', on: ['base'],
  inputs: ['tests/faults/Dockerfile', 'tests/faults/lose-neighbours', 'tests/faults/refuse-writes', 'tests/faults/slow-syncs'],
};

/** Images that only their vendors make: declared and pinned, started when they can be had. Named as their rooms' compose files name them. */
export function vendorImages(registry: string): { profile: string; image: string }[] {
  return [
    { profile: 'grafana', image: `${registry}grafana/grafana:${versions.GRAFANA_VERSION}` },
    { profile: 'kibana', image: `${registry || 'docker.elastic.co/'}kibana/kibana:${versions.KIBANA_VERSION}` },
  ];
}

/** The vendor's Elasticsearch: of the same version as Kibana, which needs it. */
export function vendorElasticsearch(registry: string): string {
  return `${registry || 'docker.elastic.co/'}elasticsearch/elasticsearch:${versions.KIBANA_VERSION}`;
}

export function imageTag(registry: string, name: string): string {
  return `${registry}holdfast/${name}:${versions.HOLDFAST_VERSION}`;
}
