import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { components, componentsOf, secrets, type SecretName } from '../../components.ts';
import { redisAccessList } from '../../redis/users.acl.ts';
import { filesOfAddedLedgers } from '../shards/added-ledgers.ts';
import { certificatePem, createAuthority, describeCertificate, issueLeaf, privateKeyPem, readAuthority, type Authority } from './certificates.ts';

/** `up` issues a certificate anew when less than this is left of it. */
const RENEW_BEFORE_MS = 90 * 86_400_000;

/**
 * Makes what is missing of the instance's secrets and certificates, and leaves the rest untouched: a second call
 * changes nothing. Layout, all of it under the state directory that git ignores:
 *
 *   vault/<secret>            the one original of each generated secret, root only
 *   ca/ca.crt, ca/ca.key      the private authority; its key never leaves this directory
 *   ca.crt                    the authority's certificate once more, for people's browsers and programs
 *   secrets/<component>/      what the component may read, mounted at /run/holdfast:
 *     ca.crt tls.crt tls.key tls.pem (certificate and key) tls.pk8 (key, DER), and its secrets by name
 * Beside them stands what some components are told of this installation alone: users of Redis, ledgers that were added.
 *
 * @param publicNames names under which people reach the edge, added to its certificate
 * @param ledgers shards of the ledger
 */
export async function ensureSecrets(stateDirectory: string, publicNames: readonly string[], ledgers: number): Promise<void> {
  const vault = await ensureVault(join(stateDirectory, 'vault'));
  const authority = await ensureAuthority(join(stateDirectory, 'ca'));
  await ownedFile(join(stateDirectory, 'ca.crt'), certificatePem(authority.certificate), 0, 0o444);
  await mkdir(join(stateDirectory, 'secrets'), { recursive: true, mode: 0o711 });

  for (const [name, component] of Object.entries(componentsOf(ledgers))) {
    const directory = join(stateDirectory, 'secrets', name);
    await ownedDirectory(directory, component.uid);
    const names = name === 'edge' ? ([...component.names, ...publicNames] as [string, ...string[]]) : component.names;
    await ensureCertificate(directory, component.uid, authority, names);
    for (const secret of component.secrets ?? []) {
      await ownedFile(join(directory, secret), vault[secret], component.uid);
    }
  }
  await ownedFile(join(stateDirectory, 'secrets/redis/users.acl'), redisAccessList((secret) => sha256(vault[secret])), components.redis.uid);
  for (const { component, name, content } of await filesOfAddedLedgers(ledgers)) {
    await ownedFile(join(stateDirectory, 'secrets', component, name), content, components[component].uid);
  }
}

/** Reads one generated secret, for `holdfast credentials` and for tests. */
export async function readSecret(stateDirectory: string, name: SecretName): Promise<string> {
  return readFile(join(stateDirectory, 'vault', name), 'utf8');
}

async function ensureVault(directory: string): Promise<Record<SecretName, string>> {
  await ownedDirectory(directory, 0);
  const values: Partial<Record<SecretName, string>> = {};
  for (const name of Object.keys(secrets) as SecretName[]) {
    const path = join(directory, name);
    if (!existsSync(path)) await ownedFile(path, randomBytes(32).toString('base64url'), 0);
    values[name] = await readFile(path, 'utf8');
  }
  return values as Record<SecretName, string>;
}

async function ensureAuthority(directory: string): Promise<Authority> {
  await ownedDirectory(directory, 0);
  const certificatePath = join(directory, 'ca.crt');
  const keyPath = join(directory, 'ca.key');
  if (!existsSync(certificatePath)) {
    const authority = await createAuthority();
    // The key first: a crash between the two files must leave a state from which the next call starts anew.
    await ownedFile(keyPath, await privateKeyPem(authority.key), 0);
    await ownedFile(certificatePath, certificatePem(authority.certificate), 0);
  }
  return readAuthority(await readFile(certificatePath, 'utf8'), await readFile(keyPath, 'utf8'));
}

async function ensureCertificate(directory: string, uid: number, authority: Authority, names: readonly [string, ...string[]]): Promise<void> {
  const marker = join(directory, 'tls.crt');
  const authorityPem = certificatePem(authority.certificate);
  const sameAuthority = existsSync(join(directory, 'ca.crt')) && (await readFile(join(directory, 'ca.crt'), 'utf8')) === authorityPem;
  if (existsSync(marker) && sameAuthority) {
    const present = describeCertificate(await readFile(marker, 'utf8'));
    const lasts = present.notAfter.getTime() - Date.now() > RENEW_BEFORE_MS;
    if (lasts && names.every((name) => present.names.includes(name))) return;
  }
  const leaf = await issueLeaf(authority, names);
  await ownedFile(join(directory, 'ca.crt'), authorityPem, uid);
  await ownedFile(join(directory, 'tls.key'), leaf.keyPem, uid);
  await ownedFile(join(directory, 'tls.pk8'), leaf.keyDer, uid);
  await ownedFile(join(directory, 'tls.pem'), leaf.certificatePem + leaf.keyPem, uid);
  await ownedFile(marker, leaf.certificatePem, uid); // Last: its presence says that the others are there.
}

export async function ownedDirectory(path: string, uid: number): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  await chown(path, uid, uid);
}

/** Writes a file owned by `uid`, for its eyes only unless `mode` says otherwise, whole or not at all, and only when its content differs. */
export async function ownedFile(path: string, content: string | Buffer, uid: number, mode = 0o400): Promise<void> {
  const bytes = Buffer.from(content as string);
  if (existsSync(path) && (await readFile(path)).equals(bytes)) return;
  const unfinished = `${path}.new`;
  await writeFile(unfinished, bytes, { mode });
  await chmod(unfinished, mode);
  await chown(unfinished, uid, uid);
  await rename(unfinished, path);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
