import { createPrivateKey, createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';

const ED25519 = 1;
// What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410): private in PKCS #8, public in SPKI.
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');

/** The public half of the key that signs checkpoints, by the name that goes with it (C2SP signed-note). */
export interface VerifyingKey {
  readonly name: string;
  /** First four bytes of every signature: which key made it. */
  readonly id: Buffer;
  readonly key: KeyObject;
  /** As people pass it on: `name+id+key`. */
  readonly text: string;
}

export interface SigningKey extends VerifyingKey {
  sign(text: string): Buffer;
}

/** The key of this installation: the secret is its seed, 32 random bytes in base64url. Its name is derived from it, so that no two logs share one. */
export function signingKey(secret: string): SigningKey {
  const seed = Buffer.from(secret, 'base64url');
  if (seed.length !== 32) throw new Error('the secret audit-signing-key is not 32 bytes in base64url');
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_DER, seed]), format: 'der', type: 'pkcs8' });
  const bytes = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_DER.length);
  return { ...verifyingKey(`holdfast-audit/${hash('sha256', bytes, 'hex').slice(0, 16)}`, bytes), sign: (text) => sign(null, Buffer.from(text), key) };
}

function verifyingKey(name: string, bytes: Buffer): VerifyingKey {
  const typed = Buffer.concat([Buffer.of(ED25519), bytes]);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').subarray(0, 4);
  return { name, id, key: createPublicKey({ key: Buffer.concat([PUBLIC_DER, bytes]), format: 'der', type: 'spki' }), text: `${name}+${id.toString('hex')}+${typed.toString('base64')}` };
}

export function isSignedBy(key: VerifyingKey, text: string, signature: Buffer): boolean {
  return verify(null, Buffer.from(text), key.key, signature);
}
