import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed text is for: one that was made for another purpose does not open. */
export type Purpose = 'session' | 'sign-in';

/**
 * A value that its holder can neither read nor change, good until an instant: AES-256-GCM (NIST SP 800-38D) under a key derived from a secret (RFC 5869).
 * All replicas have the secret, so that what one has sealed another opens, and no store has to be there.
 */
export function seal(secret: string, purpose: Purpose, value: unknown, expires_ms: number): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, purpose), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify({ value, expires_ms }), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url');
}

/** The value, or undefined where it was not sealed by us for this purpose, was changed, or has expired. */
export function unseal(secret: string, purpose: Purpose, sealed: string, now_ms = Date.now()): unknown {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length <= IV_BYTES + TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(secret, purpose), bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
    const { value, expires_ms } = JSON.parse(text) as { value: unknown; expires_ms: number };
    return expires_ms > now_ms ? value : undefined;
  } catch {
    return undefined;
  }
}

function keyOf(secret: string, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'holdfast operators', purpose, 32));
}
