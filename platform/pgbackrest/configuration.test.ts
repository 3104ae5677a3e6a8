import { expect, test } from '@jest/globals';
import { postgresClusters } from '../components.ts';
import { clustersConfiguration, nodeConfiguration, repositoriesConfiguration, type BackupRepository } from './configuration.ts';

const keys = { firstPassphrase: 'first-secret', secondPassphrase: 'second-secret', s3Key: 'AKIA', s3KeySecret: 's3-secret' };
const path: BackupRepository = { kind: 'path', path: '/mnt/backups' };
const s3: BackupRepository = { kind: 's3', endpoint: 's3.example', bucket: 'bank', region: 'eu-west-1', prefix: '/holdfast', uriStyle: 'path', ownAuthority: true };

test('a node could act for a cluster that is not its own', () => {
  const allowed = clustersConfiguration(postgresClusters).split('\n').filter((line) => line.startsWith('tls-server-auth='));
  const own = Object.entries(postgresClusters).flatMap(([cluster, { nodes }]) => nodes.map((node) => `tls-server-auth=${node}=${cluster}`));
  expect(allowed).toEqual(own);
});

test('a cluster could be left out, or a node of it', () => {
  const text = clustersConfiguration(postgresClusters);
  for (const [cluster, { nodes }] of Object.entries(postgresClusters)) {
    const section = text.split(`[${cluster}]`)[1]!.split('[')[0]!;
    expect(nodes.map((node, index) => section.includes(`pg${index + 1}-host=${node}\n`))).toEqual(nodes.map(() => true));
  }
});

test('a node could learn a key, or where a repository is', () => {
  for (const second of [undefined, path, s3]) expect(nodeConfiguration(second)).not.toMatch(/secret|AKIA|mnt|s3\.example|cipher/);
});

test('WAL could go to a repository that is not there, or past one that is', () => {
  expect(nodeConfiguration(undefined)).not.toContain('repo2');
  expect(nodeConfiguration(path)).toContain('repo2-host=pgbackrest\n');
  expect(repositoriesConfiguration(keys, undefined)).not.toContain('repo2');
});

test('two repositories could have one passphrase, or one of them none', () => {
  for (const second of [path, s3]) {
    const text = repositoriesConfiguration(keys, second);
    expect(text).toContain('repo1-cipher-pass=first-secret\n');
    expect(text).toContain('repo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass=second-secret\n');
  }
});

test('an object store would be taken for a directory, or its authority for unknown', () => {
  expect(repositoriesConfiguration(keys, s3)).toContain('repo2-type=s3\nrepo2-path=/holdfast\nrepo2-s3-endpoint=s3.example\nrepo2-s3-bucket=bank\nrepo2-s3-region=eu-west-1\nrepo2-s3-uri-style=path\nrepo2-s3-key=AKIA\nrepo2-s3-key-secret=s3-secret\nrepo2-storage-ca-file=/run/holdfast/pgbackrest.d/second-repository-ca.crt\n');
  expect(repositoriesConfiguration(keys, { ...s3, ownAuthority: false })).not.toContain('ca-file');
});
