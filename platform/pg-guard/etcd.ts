import { Agent, request } from 'node:https';
import type { Key } from './keys.ts';

/** etcd's JSON gateway (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/): keys and values are base64, numbers are strings. */
export class Etcd {
  private readonly url: string;
  private readonly agent: Agent;

  constructor(url: string, tls: { ca: Buffer; cert: Buffer; key: Buffer }) {
    this.url = url;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1, ...tls });
  }

  /** All keys below a prefix, as they were at one moment. */
  async below(prefix: string): Promise<Key[]> {
    // The first key after them: etcd's ranges end before their end.
    const end = Buffer.from(prefix);
    end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
    const { kvs = [] } = await this.call<{ kvs?: { key: string; value?: string; mod_revision: string }[] }>('/v3/kv/range', { key: encoded(prefix), range_end: end.toString('base64') });
    return kvs.map(({ key, value = '', mod_revision }) => ({ name: decoded(key), value: decoded(value), revision: mod_revision }));
  }

  /** Deletes a key if all of `unchanged` are still at the revisions at which they were read. Says whether it did. */
  deleteIf(name: string, unchanged: readonly Key[]): Promise<boolean> {
    return this.when(unchanged, { request_delete_range: { key: encoded(name) } });
  }

  /** The same for a new value. */
  putIf(name: string, value: string, unchanged: readonly Key[]): Promise<boolean> {
    return this.when(unchanged, { request_put: { key: encoded(name), value: encoded(value) } });
  }

  private async when(unchanged: readonly Key[], change: object): Promise<boolean> {
    const compare = unchanged.map(({ name, revision }) => ({ key: encoded(name), target: 'MOD', result: 'EQUAL', mod_revision: revision }));
    return (await this.call<{ succeeded?: boolean }>('/v3/kv/txn', { compare, success: [change] })).succeeded === true;
  }

  private call<T>(path: string, body: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = request(`${this.url}${path}`, { method: 'POST', agent: this.agent, timeout: TIMEOUT_MS, headers: { 'content-type': 'application/json' } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as T);
          else reject(new Error(`etcd answered ${response.statusCode} to ${path}: ${text.slice(0, 200)}`));
        });
      });
      call.on('timeout', () => call.destroy(new Error(`etcd did not answer ${path} within ${TIMEOUT_MS} ms`)));
      call.on('error', reject);
      call.end(JSON.stringify(body));
    });
  }
}

const TIMEOUT_MS = 2_000;

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
