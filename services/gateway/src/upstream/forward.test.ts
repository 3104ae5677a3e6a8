import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsIdentity } from '@holdfast/kit/tls';
import { forward } from './forward.ts';
import type { Incoming, Outgoing } from './forward.ts';
import { Replicas } from './replicas.ts';

let identity: TlsIdentity;
let directory: string;
const running: { close(): Promise<unknown> }[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-forward-'));
  const [key, cert] = ['key', 'cert'].map((name) => join(directory, name)) as [string, string];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2', '-subj', '/CN=transactions', '-addext', 'subjectAltName=DNS:transactions', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  identity = { ca: readFileSync(cert, 'utf8'), cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
});

afterAll(() => rmSync(directory, { recursive: true }));

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

/** A replica at an address of the loopback network; all replicas of a service have the same port. */
async function replica(address: string, port: number, handle: RequestListener): Promise<Server & { port: number }> {
  const server = createServer({ ...identity }, (request, response) => {
    if (request.url === '/health/ready') response.writeHead(200).end();
    else handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  running.push({ close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) });
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

async function balance(port: number, addresses: string[]): Promise<Replicas> {
  const replicas = new Replicas('transactions', { host: 'transactions', port }, () => identity, () => Promise.resolve(addresses));
  replicas.start();
  running.push(replicas);
  while (replicas.count() < addresses.length) await new Promise(setImmediate);
  return replicas;
}

const ask = (change: Partial<Outgoing> = {}): Outgoing => ({ method: 'GET', path: '/v1/accounts', headers: {}, body: undefined, timeout_ms: 3_000, ...change });
const textOf = (answer: Incoming): string => (answer.body as Buffer).toString();
const says = (text: string): RequestListener => (_request, response) => response.writeHead(200, { 'content-length': text.length }).end(text);

describe('a request to a service with replicas', () => {
  test('goes to all of them in turn', async () => {
    const { port } = await replica('127.0.0.1', 0, says('one'));
    await replica('127.0.0.2', port, says('two'));
    const replicas = await balance(port, ['127.0.0.1', '127.0.0.2']);
    const answers = [];
    for (let n = 0; n < 8; n++) answers.push(textOf(await forward(replicas, ask())));
    expect(answers.filter((text) => text === 'one')).toHaveLength(4);
  });

  test('a replica that is gone fails nobody, whatever the method: nothing was sent', async () => {
    const { port } = await replica('127.0.0.1', 0, says('one'));
    const replicas = await balance(port, ['127.0.0.1', '127.0.0.3']);
    for (let n = 0; n < 6; n++) expect(textOf(await forward(replicas, ask({ method: 'POST', body: Buffer.from('{}') })))).toBe('one');
  });

  test('one that dies in the middle: a request that may be repeated is, another is not', async () => {
    const cutShort: RequestListener = (request) => void request.socket.destroy();
    const { port } = await replica('127.0.0.1', 0, cutShort);
    await replica('127.0.0.2', port, says('two'));
    let replicas = await balance(port, ['127.0.0.1', '127.0.0.2']);
    for (let n = 0; n < 4; n++) expect(textOf(await forward(replicas, ask()))).toBe('two');
    replicas = await balance(port, ['127.0.0.1', '127.0.0.2']);
    for (let n = 0; n < 4; n++) expect(textOf(await forward(replicas, ask({ method: 'POST', headers: { 'idempotency-key': 'k' }, body: Buffer.from('{}') })))).toBe('two');
    replicas = await balance(port, ['127.0.0.1']);
    await expect(forward(replicas, ask({ method: 'POST', body: Buffer.from('{}') }))).rejects.toMatchObject({ status: 503, code: 'upstream_lost' });
  });

  test('one that does not answer is a 504, and the request is not sent twice', async () => {
    let seen = 0;
    const { port } = await replica('127.0.0.1', 0, () => { seen++; });
    const replicas = await balance(port, ['127.0.0.1']);
    await expect(forward(replicas, ask({ timeout_ms: 300 }))).rejects.toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(seen).toBe(1);
  }, 10_000);

  test('a large answer, or one of unknown length, arrives whole and at the pace of who reads it', async () => {
    const large = Buffer.alloc(3_000_000, 'holdfast ');
    const { port } = await replica('127.0.0.1', 0, (request, response) => {
      response.writeHead(200, request.url === '/sized' ? { 'content-length': large.length } : {});
      response.end(large);
    });
    const replicas = await balance(port, ['127.0.0.1']);
    for (const path of ['/sized', '/unsized']) {
      const { body } = await forward(replicas, ask({ path }));
      expect(large.equals(await buffer(body as Readable))).toBe(true);
    }
  });

  test('an answer that breaks off in the middle is an error for who reads it, not a short answer', async () => {
    const { port } = await replica('127.0.0.1', 0, (_request, response) => {
      response.writeHead(200, { 'content-length': 3_000_000 });
      response.write(Buffer.alloc(500_000), () => response.destroy());
    });
    const { body } = await forward(await balance(port, ['127.0.0.1']), ask());
    await expect(buffer(body as Readable)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
  });

  test('a client that leaves in the middle of an answer ends it upstream as well', async () => {
    const ended = Promise.withResolvers<void>();
    const { port } = await replica('127.0.0.1', 0, (_request, response) => {
      response.on('close', ended.resolve);
      response.writeHead(200);
      response.write(Buffer.alloc(100_000));
    });
    const { body } = await forward(await balance(port, ['127.0.0.1']), ask());
    (body as Readable).destroy();
    await ended.promise;
  });

  test('an answer without a body is one', async () => {
    const { port } = await replica('127.0.0.1', 0, (_request, response) => response.writeHead(204).end());
    const answer = await forward(await balance(port, ['127.0.0.1']), ask({ method: 'DELETE' }));
    expect(answer.status).toBe(204);
  });

  test('none at all is a 503 with Retry-After', async () => {
    const replicas = await balance(1, []);
    await expect(forward(replicas, ask())).rejects.toMatchObject({ status: 503, code: 'upstream_unavailable', headers: { 'retry-after': '1' } });
  });

  test('a stranger that took the address is not talked to: its certificate has another name', async () => {
    const { port } = await replica('127.0.0.1', 0, says('one'));
    const replicas = new Replicas('users', { host: 'users', port }, () => identity, () => Promise.resolve(['127.0.0.1']));
    replicas.start();
    running.push(replicas);
    await expect(forward(replicas, ask())).rejects.toMatchObject({ status: 503 });
  });
});
