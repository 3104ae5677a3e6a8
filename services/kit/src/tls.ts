import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where each container finds its secrets directory (ARCHITECTURE.md). */
export const SECRETS_DIRECTORY = '/run/holdfast';

/** PEM texts that node:tls, pg, kafkajs, redis and undici all take under these names. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function readTls(directory: string = SECRETS_DIRECTORY): TlsIdentity {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  return { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') };
}

/** A secret without the line feed that an editor leaves behind. */
export function readSecret(name: string, directory: string = SECRETS_DIRECTORY): string {
  return readFileSync(join(directory, name), 'utf8').trim();
}

/**
 * Tells of renewed certificates. Polls, as inotify does not see a change made through another mount of the same directory.
 * Returns the function that ends it.
 */
export function watchTls(onChange: (identity: TlsIdentity) => void, directory: string = SECRETS_DIRECTORY, every_ms = 30_000): () => void {
  const stamp = (): string => ['ca.crt', 'tls.crt', 'tls.key'].map((name) => statSync(join(directory, name)).mtimeMs).join();
  let seen = stamp();
  const timer = setInterval(() => {
    try {
      const now = stamp();
      if (now === seen) return;
      onChange(readTls(directory));
      seen = now;
    } catch {
      // Half of a rotation: certificate and key do not fit yet, or one is missing. The next look sees it whole.
    }
  }, every_ms);
  timer.unref();
  return () => clearInterval(timer);
}
