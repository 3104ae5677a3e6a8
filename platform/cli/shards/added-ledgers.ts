import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clustersOf, LEDGERS_AT_FIRST, LEDGERS_MAX, type PostgresCluster } from '../../components.ts';
import { PROJECT } from '../versions.ts';

/**
 * What pg-router and Prometheus must know of the ledgers that an installation has beside those of the beginning (backups know all clusters: ../backups/configure.ts). Configuration is in the images, so this comes to them as files
 * beside their secrets, at /run/holdfast. Each ledger is as the last of the first ones is, under its own names and ports: so a change in a room is one of all.
 */
export interface DerivedFile {
  component: 'pg-router' | 'prometheus';
  name: string;
  content: string;
}

const PATTERN = `ledger${LEDGERS_AT_FIRST - 1}`;

export async function filesOfAddedLedgers(ledgers: number): Promise<DerivedFile[]> {
  const added = addedTo(ledgers);
  const haproxy = await readFile(join(PROJECT, 'platform/pg-router/haproxy.cfg'), 'utf8');
  return [
    { component: 'pg-router', name: 'added-ledgers.cfg', content: addressesOf(haproxy, added) },
    { component: 'prometheus', name: 'added-patroni.json', content: targetsOf(added, (node) => `${node}:8008`) },
    { component: 'prometheus', name: 'added-postgres.json', content: targetsOf(added, (node) => `${node}:5432/postgres`) },
  ];
}

/** `platform/postgres/compose.added-ledgers.yml`: every ledger that there can be, each in a profile of its own, which `Settings.ledgers` switches on. */
export function composeOfAddedLedgers(): string {
  const added = addedTo(LEDGERS_MAX);
  const services = added.flatMap(([cluster, { nodes }]) => nodes.map((node, place) => `  ${node}:
    extends: { file: compose.yml, service: ${PATTERN}-${place === 0 ? 'a' : 'b'} }
    profiles: [${cluster}]
    environment: { HOLDFAST_CLUSTER: ${cluster}, HOLDFAST_NODE: ${node} }
    volumes: ["${node}:/var/lib/postgresql", "\${HOLDFAST_STATE}/secrets/${node}:/run/holdfast:ro"]
`));
  return `# Shards of the ledger that \`holdfast shards add\` adds. Generated from platform/components.ts: npm run generate.
services:
${services.join('')}
volumes: { ${added.flatMap(([, { nodes }]) => nodes).map((node) => `${node}: `).join(', ')}}
`;
}

/** The sections of HAProxy that serve the pattern, once for each that was added. A section begins at the margin and goes on indented. */
function addressesOf(haproxy: string, added: readonly [string, PostgresCluster][]): string {
  const pattern = clustersOf(LEDGERS_AT_FIRST)[PATTERN];
  const sections = haproxy.split(/^(?=\S)/m).filter((section) => section.startsWith(`listen ${PATTERN}`));
  if (!pattern || sections.length !== 2) throw new Error(`platform/pg-router/haproxy.cfg has ${sections.length} sections of ${PATTERN}, not that of its leader and that of its replicas`);
  return derived(added.flatMap(([name, { leaderPort, replicaPort }]) => sections.map((section) => section
    .replaceAll(PATTERN, name).replaceAll(`:${pattern.leaderPort}`, `:${leaderPort}`).replaceAll(`:${pattern.replicaPort}`, `:${replicaPort}`))));
}

/** As Prometheus reads targets from a file, which it does anew whenever the file changes. */
function targetsOf(added: readonly [string, PostgresCluster][], target: (node: string) => string): string {
  return `${JSON.stringify(added.map(([cluster, { nodes }]) => ({ targets: nodes.map(target), labels: { cluster } })), null, 2)}\n`;
}

function addedTo(ledgers: number): [string, PostgresCluster][] {
  return Object.entries(clustersOf(ledgers)).slice(Object.keys(clustersOf(LEDGERS_AT_FIRST)).length);
}

function derived(parts: readonly string[]): string {
  return `# Ledgers that were added. Derived by holdfast (platform/cli/shards/added-ledgers.ts): what is changed here is overwritten.\n\n${parts.map((part) => `${part.trimEnd()}\n`).join('\n')}`;
}
