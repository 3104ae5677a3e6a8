import { createPrivateKey, createPublicKey, hash } from 'node:crypto';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { readSecret } from '../state/secrets.ts';

const ED25519 = 1;
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The public half of the key that signs checkpoints, from the secret itself: what a database says of it proves nothing. The form is that of C2SP's signed-note. */
export async function auditKey(instance: Instance): Promise<string> {
  const secret = await readSecret(instance.directory, 'audit-signing-key').catch(() => undefined);
  if (secret === undefined) throw new UserError(`instance "${instance.name}" has no key for its audit trail yet.`, ['Make it:  ./holdfast up']);
  return publicKeyOf(secret);
}

export function publicKeyOf(secret: string): string {
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_DER, Buffer.from(secret, 'base64url')]), format: 'der', type: 'pkcs8' });
  const bytes = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  const name = `holdfast-audit/${hash('sha256', bytes, 'hex').slice(0, 16)}`;
  const typed = Buffer.concat([Buffer.of(ED25519), bytes]);
  return `${name}+${hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'hex').slice(0, 8)}+${typed.toString('base64')}`;
}
