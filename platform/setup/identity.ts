import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecretName } from '../components.ts';

const DIRECTORY = '/run/holdfast';

/** The setup job's own certificate, with which Postgres and Kafka know it as `setup`. */
export const certificate = {
  ca: readFileSync(join(DIRECTORY, 'ca.crt'), 'utf8'),
  cert: readFileSync(join(DIRECTORY, 'tls.crt'), 'utf8'),
  key: readFileSync(join(DIRECTORY, 'tls.key'), 'utf8'),
};

export function secret(name: SecretName): string {
  return readFileSync(join(DIRECTORY, name), 'utf8');
}
