import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import type { Platform } from '../kit/platform.ts';

export interface KeycloakAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** Keycloak as its own administrator has it, past the edge, which does not let him through. */
export class Keycloak {
  private readonly platform: Platform;

  constructor(platform: Platform) {
    this.platform = platform;
  }

  /** A token, for whoever shows these credentials; undefined if they are refused. */
  async token(realm: string, credentials: Record<string, string>): Promise<string | undefined> {
    const { body } = await this.call<{ access_token?: string }>('POST', `/realms/${realm}/protocol/openid-connect/token`, { 'content-type': 'application/x-www-form-urlencoded' }, new URLSearchParams(credentials).toString());
    return body.access_token;
  }

  async administratorToken(): Promise<string | undefined> {
    const password = await readSecret(this.platform.instance.directory, 'keycloak-admin-password');
    return this.token('master', { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password });
  }

  async asAdministrator<T>(method: string, path: string, body?: object, realm = 'holdfast'): Promise<KeycloakAnswer<T>> {
    const token = await this.administratorToken();
    return this.call<T>(method, `/admin/realms/${realm}${path}`, { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body && JSON.stringify(body));
  }

  private async call<T>(method: string, path: string, headers: Record<string, string>, body?: string): Promise<KeycloakAnswer<T>> {
    const host = await this.platform.addressOf('keycloak');
    return new Promise((resolve, reject) => {
      const outgoing = request({ method, host, port: 8443, servername: 'keycloak', ca: readFileSync(this.platform.instance.caFile), path: `/auth${path}`, headers: { host: 'keycloak:8443', ...headers } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: (text ? JSON.parse(text) : undefined) as T }));
      });
      outgoing.on('error', reject).end(body);
    });
  }
}
