import { readFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import type { Instance } from '../instance.ts';

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface HttpCall {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

const TIMEOUT_MS = 15_000;

/** HTTPS to an instance's edge, as a client of its users would: the private CA verified, the public host name asked for. */
export class Edge {
  readonly url: string;
  private readonly agent: Agent;

  constructor(instance: Instance) {
    this.url = instance.url;
    const { bind, host } = instance.settings;
    // The public name need not resolve on this machine: go to where the edge listens, and verify the name all the same.
    const address = bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind;
    this.agent = new Agent({ ca: readFileSync(instance.caFile), keepAlive: true, maxSockets: 64, host: address, servername: host });
    this.options = { agent: this.agent, host: address, port: instance.settings.port, servername: host };
    this.hostHeader = new URL(instance.url).host;
  }

  private readonly options: RequestOptions;
  private readonly hostHeader: string;

  call(pathOrUrl: string, { method = 'GET', headers = {}, body }: HttpCall = {}): Promise<HttpAnswer> {
    const path = pathOrUrl.startsWith(this.url) ? pathOrUrl.slice(this.url.length) : pathOrUrl;
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...this.options, method, path, headers: { host: this.hostHeader, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...headers }, timeout: TIMEOUT_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        response.on('error', reject);
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer within ${TIMEOUT_MS / 1000} s`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
