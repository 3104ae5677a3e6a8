import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import type { Platform } from '../kit/platform.ts';

/** Elasticsearch as its superuser has it. */
export async function askElasticsearch<T>(platform: Platform, method: string, path: string, body?: object): Promise<T> {
  return JSON.parse(await ask(platform, method, path, 'application/json', body && JSON.stringify(body))) as T;
}

/** So many lines at once. */
export async function bulkElasticsearch(platform: Platform, index: string, lines: number): Promise<void> {
  await ask(platform, 'POST', `${index}/_bulk`, 'application/x-ndjson', '{"create":{}}\n{"message":"a line"}\n'.repeat(lines));
}

async function ask(platform: Platform, method: string, path: string, type: string, body?: string): Promise<string> {
  const [host, password] = await Promise.all([platform.addressOf('elasticsearch'), readSecret(platform.instance.directory, 'elasticsearch-superuser-password')]);
  return new Promise((resolve, reject) => {
    const options = { method, host, port: 9200, servername: 'elasticsearch', ca: readFileSync(platform.instance.caFile), path: `/${path}`, auth: `elastic:${password}`, headers: { 'content-type': type } };
    const outgoing = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject);
      response.on('end', () => ((response.statusCode ?? 500) < 300 ? resolve(text) : reject(new Error(`Elasticsearch answered ${response.statusCode} to ${method} ${path}: ${text.slice(0, 300)}`))));
    });
    outgoing.on('error', reject).end(body);
  });
}
