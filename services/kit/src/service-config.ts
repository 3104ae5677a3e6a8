import { file, integer, oneOf, port, url } from './config.ts';
import { SECRETS_DIRECTORY } from './tls.ts';

/** The settings that every service has. A service spreads them into its own `readConfig`. */
export const serviceFields = {
  port: port('PORT', 3000),
  secretsDirectory: file('SECRETS_DIRECTORY', SECRETS_DIRECTORY),
  logLevel: oneOf('LOG_LEVEL', ['debug', 'info', 'warn', 'error'], 'info'),
  /** The public address: its realm is the issuer of every token. */
  publicUrl: url('HOLDFAST_URL'),
  /** Where Keycloak is reached inside, for keys and administration. */
  keycloakUrl: url('KEYCLOAK_URL', 'https://keycloak:8443/auth'),
  /** A thousand transfers with the longest keys and references fit. The edge has the same limit. */
  bodyLimitBytes: integer('BODY_LIMIT_BYTES', 2_097_152, { min: 1_024, max: 67_108_864 }),
  /** How long a stopping service still takes requests while it already says "not ready". */
  drainMs: integer('DRAIN_MS', 3_000, { min: 0, max: 20_000 }),
};

export interface ServiceConfig {
  readonly port: number;
  readonly secretsDirectory: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly publicUrl: string;
  readonly keycloakUrl: string;
  readonly bodyLimitBytes: number;
  readonly drainMs: number;
}
