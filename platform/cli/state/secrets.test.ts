import { beforeAll, describe, expect, test } from '@jest/globals';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { components, LEDGERS_AT_FIRST, secrets } from '../../components.ts';
import { issueLeaf, readAuthority } from './certificates.ts';
import { ensureSecrets } from './secrets.ts';

/** Content, owner and mode of every file below a directory. */
function snapshot(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map((file) => {
    const path = join(file.parentPath, file.name);
    const { mode, uid } = statSync(path);
    return [path.slice(directory.length + 1), `${(mode & 0o777).toString(8)} ${uid} ${readFileSync(path, 'base64')}`];
  }));
}

describe('the secrets of an instance', () => {
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
    await ensureSecrets(directory, ['bank.example', '127.0.0.1'], LEDGERS_AT_FIRST);
  });

  test('a second call could change a secret that is in use', async () => {
    const before = snapshot(directory);
    await ensureSecrets(directory, ['bank.example', '127.0.0.1'], LEDGERS_AT_FIRST);
    expect(snapshot(directory)).toEqual(before);
  });

  test('another user could read a secret', () => {
    for (const [path, description] of Object.entries(snapshot(directory))) expect([path, description.split(' ')[0]]).toEqual([path, path === 'ca.crt' ? '444' : '400']);
    for (const [name, component] of Object.entries(components)) {
      const owner = statSync(join(directory, 'secrets', name));
      expect([name, (owner.mode & 0o777).toString(8), owner.uid]).toEqual([name, '700', component.uid]);
    }
  });

  test('two secrets could be the same, or short', () => {
    const values = Object.keys(secrets).map((name) => readFileSync(join(directory, 'vault', name), 'utf8'));
    expect(new Set(values).size).toBe(values.length);
    for (const value of values) expect(value).toMatch(/^[\w-]{43}$/);
  });

  test('a certificate could be refused for its name, its issuer or its purpose', () => {
    const authority = new X509Certificate(readFileSync(join(directory, 'ca/ca.crt')));
    for (const [name, component] of Object.entries(components)) {
      const leaf = new X509Certificate(readFileSync(join(directory, 'secrets', name, 'tls.crt')));
      expect(leaf.verify(authority.publicKey)).toBe(true);
      expect(leaf.subject).toBe(`CN=${component.names[0]}`);
      for (const dns of component.names) expect(leaf.checkHost(dns)).toBe(dns);
      expect(leaf.ca).toBe(false);
    }
    const edge = new X509Certificate(readFileSync(join(directory, 'secrets/edge/tls.crt')));
    expect(edge.checkHost('bank.example')).toBe('bank.example');
    expect(edge.checkIP('127.0.0.1')).toBe('127.0.0.1');
  });

  test('a component could be handed a secret that it does not read', () => {
    const common = ['ca.crt', 'tls.crt', 'tls.key', 'tls.pem', 'tls.pk8'];
    const derived: Record<string, string[]> = {
      'redis': ['users.acl'], 'pg-router': ['added-ledgers.cfg'], 'prometheus': ['added-patroni.json', 'added-postgres.json'],
    };
    for (const [name, component] of Object.entries(components)) {
      const expected = [...common, ...('secrets' in component ? component.secrets : []), ...(derived[name] ?? [])];
      expect([name, readdirSync(join(directory, 'secrets', name)).toSorted()]).toEqual([name, expected.toSorted()]);
    }
  });

  test('a new public name could be missing from the certificate of the edge', async () => {
    await ensureSecrets(directory, ['bank.example', 'other.example', '127.0.0.1'], LEDGERS_AT_FIRST);
    const edge = new X509Certificate(readFileSync(join(directory, 'secrets/edge/tls.crt')));
    expect(edge.checkHost('other.example')).toBe('other.example');
  });

  test('an interrupted start could leave a key that does not fit its certificate', async () => {
    rmSync(join(directory, 'secrets/redis/tls.crt')); // As after a crash between the key and its certificate.
    await ensureSecrets(directory, ['bank.example', '127.0.0.1'], LEDGERS_AT_FIRST);
    const leaf = new X509Certificate(readFileSync(join(directory, 'secrets/redis/tls.crt')));
    expect(leaf.checkPrivateKey(createPrivateKey(readFileSync(join(directory, 'secrets/redis/tls.key'))))).toBe(true);
  });

  test('a certificate could expire with nobody renewing it', async () => {
    const authority = await readAuthority(readFileSync(join(directory, 'ca/ca.crt'), 'utf8'), readFileSync(join(directory, 'ca/ca.key'), 'utf8'));
    const path = join(directory, 'secrets/kafka/tls.crt');
    rmSync(path);
    writeFileSync(path, (await issueLeaf(authority, ['kafka'], 10)).certificatePem);
    await ensureSecrets(directory, ['bank.example', '127.0.0.1'], LEDGERS_AT_FIRST);
    const days = (Date.parse(new X509Certificate(readFileSync(path)).validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(600);
  });

  test('a new authority could leave certificates of the old one in use', async () => {
    const other = mkdtempSync(join(tmpdir(), 'holdfast-authority-'));
    await ensureSecrets(other, ['127.0.0.1'], LEDGERS_AT_FIRST);
    rmSync(join(other, 'ca/ca.crt'));
    await ensureSecrets(other, ['127.0.0.1'], LEDGERS_AT_FIRST);
    const authority = new X509Certificate(readFileSync(join(other, 'ca/ca.crt')));
    for (const name of Object.keys(components)) {
      expect(new X509Certificate(readFileSync(join(other, 'secrets', name, 'tls.crt'))).verify(authority.publicKey)).toBe(true);
      expect(readFileSync(join(other, 'secrets', name, 'ca.crt'))).toEqual(readFileSync(join(other, 'ca/ca.crt')));
    }
  });

  test('Redis could be given a password in clear', () => {
    const list = readFileSync(join(directory, 'secrets/redis/users.acl'), 'utf8');
    for (const name of Object.keys(secrets)) expect(list).not.toContain(readFileSync(join(directory, 'vault', name), 'utf8'));
    expect(list).toMatch(/^user default off/m);
  });
});
