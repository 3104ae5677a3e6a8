import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { dockerApi } from '../../platform/cli/docker-api.ts';
import type { Platform } from '../kit/platform.ts';

export interface FiringAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

const TIMEOUT_MS = 10_000;

/** Alerts as Prometheus has them now. */
export async function alertsOf(platform: Platform): Promise<readonly FiringAlert[]> {
  return (await askPrometheus<{ alerts: FiringAlert[] }>(platform, '/api/v1/alerts')).alerts;
}

/** Its API from this machine, with its own certificate: who asks again and again should not start a process in its container each time. */
export async function askPrometheus<T>(platform: Platform, path: string): Promise<T> {
  const { id } = await platform.container('prometheus');
  const { NetworkSettings } = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${id}/json`);
  const host = Object.values(NetworkSettings.Networks).find(({ IPAddress }) => IPAddress !== '')?.IPAddress;
  if (!host) throw new Error('Prometheus has no address: it does not run');
  const secret = (name: string): Buffer => readFileSync(join(platform.instance.directory, 'secrets', 'prometheus', name));
  return new Promise((resolve, reject) => {
    const asked = request({ host, port: 9090, servername: 'prometheus', path, ca: secret('ca.crt'), cert: secret('tls.crt'), key: secret('tls.key'), timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve((JSON.parse(text) as { data: T }).data);
        else reject(new Error(`Prometheus answered ${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('Prometheus does not answer')));
    asked.on('error', reject).end();
  });
}
