/** Where the second repository is, as `backups add-repository` was told; kept in the instance's settings. */
export type BackupRepository =
  | { kind: 'path'; path: string }
  | { kind: 's3'; endpoint: string; bucket: string; region: string; prefix: string; uriStyle: 'host' | 'path'; ownAuthority: boolean };

/** What the repository host and the scheduler alone may know. */
export interface RepositoryKeys {
  firstPassphrase: string;
  secondPassphrase: string;
  s3Key?: string | undefined;
  s3KeySecret?: string | undefined;
}

type Clusters = Readonly<Record<string, { nodes: readonly string[] }>>;

/** Below the component's secrets directory; pgBackRest reads all `*.conf` in it. */
export const INCLUDED = 'pgbackrest.d';
export const S3_AUTHORITY_FILE = 'second-repository-ca.crt';

/** The peer that answers at a Postgres node or at the repository host: mutual TLS, with the certificate of the component that asks. */
function peer(option: string, host: string): string[] {
  return [`${option}-host=${host}`, `${option}-host-type=tls`, `${option}-host-port=8432`,
    `${option}-host-ca-file=/run/holdfast/ca.crt`, `${option}-host-cert-file=/run/holdfast/tls.crt`, `${option}-host-key-file=/run/holdfast/tls.key`];
}

/** For the repository host and the scheduler: the nodes of each cluster, and which of them may act for it: a node for its own, nobody for another's. */
export function clustersConfiguration(clusters: Clusters): string {
  const allowed = Object.entries(clusters).flatMap(([cluster, { nodes }]) => nodes.map((node) => `tls-server-auth=${node}=${cluster}`));
  const sections = Object.entries(clusters).flatMap(([cluster, { nodes }]) => [
    '', `[${cluster}]`,
    ...nodes.flatMap((node, index) => {
      const pg = `pg${index + 1}`;
      return [`${pg}-path=/var/lib/postgresql/data`, `${pg}-socket-path=/run/postgresql`, ...peer(pg, node)];
    }),
  ]);
  return ['[global]', ...allowed, ...sections, ''].join('\n');
}

/** For the same two: where the repositories are, and what opens them. */
export function repositoriesConfiguration(keys: RepositoryKeys, second: BackupRepository | undefined): string {
  return ['[global]', `repo1-cipher-pass=${keys.firstPassphrase}`, ...(second ? secondRepository(keys, second) : []), ''].join('\n');
}

function secondRepository(keys: RepositoryKeys, second: BackupRepository): string[] {
  const common = ['repo2-cipher-type=aes-256-cbc', `repo2-cipher-pass=${keys.secondPassphrase}`, 'repo2-bundle=y', 'repo2-block=y'];
  if (second.kind === 'path') return [...common, 'repo2-path=/var/lib/pgbackrest-second'];
  return [...common, 'repo2-type=s3', `repo2-path=${second.prefix}`, `repo2-s3-endpoint=${second.endpoint}`, `repo2-s3-bucket=${second.bucket}`, `repo2-s3-region=${second.region}`,
    `repo2-s3-uri-style=${second.uriStyle}`, `repo2-s3-key=${keys.s3Key ?? ''}`, `repo2-s3-key-secret=${keys.s3KeySecret ?? ''}`,
    ...(second.ownAuthority ? [`repo2-storage-ca-file=/run/holdfast/${INCLUDED}/${S3_AUTHORITY_FILE}`] : [])];
}

/** For a Postgres node, beside its own `pgbackrest.conf`: it pushes its WAL to both by way of the repository host, and knows neither their keys nor where they are. */
export function nodeConfiguration(second: BackupRepository | undefined): string {
  return ['[global]', ...(second ? peer('repo2', 'pgbackrest') : []), ''].join('\n');
}
