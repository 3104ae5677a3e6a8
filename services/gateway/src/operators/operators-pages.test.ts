import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { TlsIdentity } from '@holdfast/kit/tls';
import { continueTrace } from '@holdfast/kit/trace';
import { fastify, type FastifyInstance } from 'fastify';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Agent } from 'undici';
import { Replicas } from '../upstream/replicas.ts';
import { SignInProvider } from './keycloak.ts';
import { Kibana } from './kibana.ts';
import { OperatorsPages, type Watchers } from './operators-pages.ts';
import { SignIn } from './sign-in.ts';

const ORIGIN = 'https://bank.example:8443';
const ISSUER = `${ORIGIN}/auth/realms/holdfast`;
const SECRET = 'the secret of the client';

let identity: TlsIdentity;
let directory: string;
let server: FastifyInstance;
let agent: Agent;
const running: { close(): Promise<unknown> }[] = [];
/** What Prometheus, Alertmanager and Kibana were asked. */
let asked: { line: string; headers: IncomingMessage['headers']; body: string }[];
/** What Keycloak was asked for a code, and the claims that it answers with. */
let exchanged: URLSearchParams | undefined;
let claims: Record<string, unknown>;
let kibana: Replicas;
let kibanaIsThere: boolean;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-operators-'));
  const [key, cert] = ['key', 'cert'].map((name) => join(directory, name)) as [string, string];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2', '-subj', '/CN=prometheus', '-addext', 'subjectAltName=DNS:prometheus,DNS:alertmanager,DNS:kibana', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  identity = { ca: readFileSync(cert, 'utf8'), cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
});

afterAll(() => rmSync(directory, { recursive: true }));

beforeEach(async () => {
  asked = [];
  exchanged = undefined;
  claims = {};
  const keycloak = createPlainServer((request, response) => void (async () => {
    exchanged = new URLSearchParams(await text(request));
    if (exchanged.get('code') !== 'good' || request.headers.authorization !== `Basic ${btoa(`gateway:${SECRET}`)}`) return response.writeHead(400).end('{}');
    const payload = { iss: ISSUER, aud: 'gateway', azp: 'gateway', sub: 'alice', exp: Date.now() / 1_000 + 300, ...claims };
    return response.end(JSON.stringify({ access_token: 'an access token', id_token: `h.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.s` }));
  })());
  await listen(keycloak);
  const port = portOf(keycloak);
  const upstream: RequestListener = (request, response) => void (async () => {
    asked.push({ line: `${request.method} ${request.url}`, headers: request.headers, body: await text(request) });
    response.setHeader('set-cookie', 'theirs=1');
    if (request.url?.startsWith('/api/v2/') && request.method === 'GET') response.end('[]');
    else response.end(request.url?.startsWith('/api/v2/') ? '{}' : 'a page of Prometheus');
  })();
  const watched = createServer({ ...identity }, upstream);
  await listen(watched);
  kibanaIsThere = true;
  const behind = Object.fromEntries(['prometheus', 'alertmanager', 'kibana'].map((name) => [name, new Replicas(name, { host: name, port: portOf(watched) }, () => identity, () => Promise.resolve(name !== 'kibana' || kibanaIsThere ? ['127.0.0.1'] : []))]));
  for (const replicas of Object.values(behind)) {
    replicas.start();
    running.push(replicas);
    while (replicas.count() === 0) await new Promise(setImmediate);
  }
  agent = new Agent();
  running.push(agent);
  const verifier = { verify: async () => ({ caller: { subject: 'alice', roles: (claims.roles as string[] | undefined) ?? ['operator'] } }) };
  const provider = new SignInProvider({ publicUrl: ORIGIN, keycloakUrl: `http://127.0.0.1:${port}`, secret: () => SECRET, agent, verifier });
  const limiter = { take: async () => ({ allowed: true, remaining: 1, retryAfter_ms: 0, reset_ms: 0 }) };
  server = fastify();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.addHook('onRequest', (request, _reply, done) => {
    request.scope = { trace: continueTrace(undefined) };
    done();
  });
  const signingIn = new SignIn({ provider, limiter, callbacksPerIpPerMinute: 10, secret: () => SECRET, publicUrl: ORIGIN });
  signingIn.register(server);
  new OperatorsPages(signingIn, behind as unknown as Watchers).register(server);
  kibana = behind.kibana as Replicas;
  new Kibana(signingIn, kibana, () => 'of the reader').register(server);
});

afterEach(async () => {
  await server.close();
  await Promise.all(running.splice(0).map((one) => one.close()));
});

async function listen(one: Server): Promise<void> {
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  running.push({ close: () => new Promise((resolve) => { one.closeAllConnections(); one.close(resolve); }) });
}

const portOf = (one: Server): number => (one.address() as AddressInfo).port;
const cookiesOf = (header: unknown): string => [header ?? []].flat().map((cookie) => String(cookie).split(';')[0]).join('; ');
const looks = { 'sec-fetch-mode': 'navigate' };
const ours = { 'origin': ORIGIN, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' };

/** Goes through Keycloak; the answer to the callback. `mix` changes what comes back from there. */
async function signIn(mix: { code?: string; state?: string; cookie?: string; nonce?: string } = {}, url = '/prometheus/classic/alerts?x=1') {
  const begun = await server.inject({ method: 'GET', url, headers: looks });
  const query = new URL(String(begun.headers.location)).searchParams;
  claims = { nonce: mix.nonce ?? query.get('nonce'), ...claims };
  const answer = await server.inject({
    method: 'GET', url: `/sign-in/callback?${new URLSearchParams({ code: mix.code ?? 'good', state: mix.state ?? String(query.get('state')) })}`,
    headers: { ...looks, cookie: mix.cookie ?? cookiesOf(begun.headers['set-cookie']) },
  });
  return { begun, query, answer };
}

async function session(): Promise<string> {
  return cookiesOf((await signIn()).answer.headers['set-cookie']);
}

describe('without a session', () => {
  test('a page leads to Keycloak with a proof key, a state and a nonce, and back to where one was going', async () => {
    const { begun, query, answer } = await signIn();
    expect([begun.statusCode, String(begun.headers.location).split('?')[0]]).toEqual([302, `${ISSUER}/protocol/openid-connect/auth`]);
    expect(query.get('code_challenge')).toBe(createHash('sha256').update(String(exchanged?.get('code_verifier'))).digest('base64url'));
    expect([query.get('code_challenge_method'), query.get('redirect_uri')]).toEqual(['S256', `${ORIGIN}/sign-in/callback`]);
    expect([answer.statusCode, answer.headers.location]).toEqual([303, '/prometheus/classic/alerts?x=1']);
    for (const cookie of [answer.headers['set-cookie'] ?? []].flat()) expect(cookie).toMatch(/^__Host-.*; Path=\/; Secure; HttpOnly; SameSite=Lax/);
  });

  test('a question gets 401, and nobody behind us is asked', async () => {
    const answers = await Promise.all([
      server.inject({ method: 'GET', url: '/prometheus/api/v1/query?query=up' }), server.inject({ method: 'POST', url: '/prometheus/api/v1/query', headers: ours, payload: 'query=up' }),
      server.inject({ method: 'POST', url: '/alertmanager/silences', headers: ours, payload: 'labels={}&minutes=1&reason=x' }),
    ]);
    expect([answers.map(({ statusCode }) => statusCode), asked]).toEqual([[401, 401, 401], []]);
  });

  test.each([
    ['a state that is not ours', { state: 'x' }], ['no cookie of this browser', { cookie: '' }], ['a code that Keycloak does not know', { code: 'bad' }],
    ['a token for another attempt', { nonce: 'x' }],
  ])('%s would let somebody in', async (_name, mix) => {
    const { answer } = await signIn(mix);
    expect(answer.statusCode).toBe(400);
    expect(cookiesOf(answer.headers['set-cookie'])).not.toContain('__Host-holdfast-operator');
  });

  test.each([{ iss: 'https://evil.example' }, { aud: 'holdfast-web' }, { azp: 'holdfast-web' }, { sub: 'bob' }, { exp: 1 }])('a token that is not for us would let somebody in: %j', async (wrong) => {
    claims = wrong;
    expect((await signIn()).answer.statusCode).toBe(400);
  });
});

describe('with a session', () => {
  test('an operator gets pages of Prometheus, which learns neither cookie nor token, and sets none', async () => {
    const answer = await server.inject({ method: 'GET', url: '/prometheus/classic/alerts?a=b', headers: { ...looks, cookie: await session(), authorization: 'Bearer x' } });
    expect([answer.statusCode, answer.body, answer.headers['set-cookie']]).toEqual([200, 'a page of Prometheus', undefined]);
    expect(asked.map(({ line }) => line)).toEqual(['GET /classic/alerts?a=b']);
    expect(asked[0]?.headers).not.toHaveProperty('cookie');
    expect(asked[0]?.headers).not.toHaveProperty('authorization');
  });

  test('what changes Prometheus stays closed', async () => {
    const cookie = await session();
    const answers = await Promise.all(['/prometheus/-/reload', '/prometheus/classic/../-/quit', '/prometheus/api/v1/admin/tsdb/delete_series'].map((url) => server.inject({ method: 'POST', url, headers: { ...ours, cookie } })));
    expect([answers.map(({ statusCode }) => statusCode), asked]).toEqual([[403, 403, 403], []]);
  });

  test('a customer is told so on a page, and a program by its status', async () => {
    claims = { roles: ['customer'] };
    const cookie = await session();
    const page = await server.inject({ method: 'GET', url: '/alertmanager/', headers: { ...looks, cookie } });
    expect([page.statusCode, page.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect(page.body).toContain('These pages are for operators');
    expect((await server.inject({ method: 'GET', url: '/prometheus/api/v1/alerts', headers: { cookie } })).json().code).toBe('forbidden');
    expect(asked).toEqual([]);
  });

  test('an operator silences an alert and ends the silence, from our page and from no other', async () => {
    const cookie = await session();
    expect((await server.inject({ method: 'GET', url: '/alertmanager/', headers: { ...looks, cookie } })).statusCode).toBe(200);
    asked = [];
    const silence = (headers: Record<string, string>) => server.inject({ method: 'POST', url: '/alertmanager/silences', headers: { ...headers, cookie }, payload: `labels=${encodeURIComponent('{"alertname":"RedisDown","component":"redis"}')}&minutes=5&reason=known` });
    expect((await silence({ ...ours, 'origin': 'https://evil.example', 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    expect(asked).toEqual([]);
    expect((await silence(ours)).statusCode).toBe(303);
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ createdBy: 'alice', comment: 'known' });
    const id = '11111111-2222-3333-4444-555555555555';
    expect((await server.inject({ method: 'POST', url: `/alertmanager/silences/${id}/end`, headers: { ...ours, cookie } })).statusCode).toBe(303);
    expect((await server.inject({ method: 'POST', url: '/alertmanager/silences/x/end', headers: { ...ours, cookie } })).statusCode).toBe(404);
    expect(asked.map(({ line }) => line)).toEqual(['POST /api/v2/silences', `DELETE /api/v2/silence/${id}`]);
  });

  test('signing out clears the cookie and ends the session at Keycloak, and no other page can do it', async () => {
    const cookie = await session();
    expect((await server.inject({ method: 'POST', url: '/sign-in/out', headers: { cookie, 'origin': 'https://evil.example' } })).statusCode).toBe(403);
    const answer = await server.inject({ method: 'POST', url: '/sign-in/out', headers: { ...ours, cookie } });
    const away = new URL(String(answer.headers.location));
    expect([answer.statusCode, `${away.origin}${away.pathname}`, away.searchParams.get('post_logout_redirect_uri')]).toEqual([303, `${ISSUER}/protocol/openid-connect/logout`, `${ORIGIN}/sign-in/ended`]);
    expect(answer.headers['set-cookie']).toMatch(/^__Host-holdfast-operator=; .*Max-Age=0$/);
  });
});

describe('Kibana', () => {
  const asAuditor = async (): Promise<string> => {
    claims = { roles: ['auditor'] };
    return session();
  };

  test('is there for an auditor as its reader, who gets neither his cookie nor a token that he brought along', async () => {
    const cookie = await asAuditor();
    const page = await server.inject({ method: 'GET', url: '/kibana/app/dashboards?a=b', headers: { ...looks, cookie, authorization: 'Basic bWU6bWU=' } });
    const search = await server.inject({ method: 'POST', url: '/kibana/internal/search/ese', headers: { ...ours, 'content-type': 'application/json', cookie, 'kbn-xsrf': 'x' }, payload: '{"a":1}' });
    expect([page.statusCode, search.statusCode]).toEqual([200, 200]);
    expect(asked.map(({ line, body }) => [line, body])).toEqual([['GET /kibana/app/dashboards?a=b', ''], ['POST /kibana/internal/search/ese', '{"a":1}']]);
    for (const { headers } of asked) expect(headers).toMatchObject({ authorization: `Basic ${btoa('reader:of the reader')}`, host: 'kibana' });
    expect(asked[0]?.headers).not.toHaveProperty('cookie');
    expect(asked[1]?.headers['kbn-xsrf']).toBe('x');
  });

  test('could be had by an operator, a customer, nobody, or from a page of somebody else', async () => {
    for (const roles of [['operator'], ['customer']]) {
      claims = { roles };
      const answer = await server.inject({ method: 'GET', url: '/kibana/app/home', headers: { ...looks, cookie: await session() } });
      expect([answer.statusCode, answer.body]).toEqual([403, expect.stringContaining('These pages are for auditors')]);
    }
    expect((await server.inject({ method: 'GET', url: '/kibana/api/status' })).statusCode).toBe(401);
    const cookie = await asAuditor();
    expect((await server.inject({ method: 'POST', url: '/kibana/internal/search/ese', headers: { cookie, 'origin': 'https://evil.example', 'sec-fetch-site': 'cross-site' }, payload: '{}' })).statusCode).toBe(403);
    expect((await server.inject({ method: 'GET', url: '/kibana/x/..%2f..%2fadmin', headers: { ...looks, cookie } })).statusCode).toBe(400);
    expect(asked).toEqual([]);
  });

  test('an auditor could get lost in pages of operators', async () => {
    const cookie = await asAuditor();
    const start = await server.inject({ method: 'GET', url: '/sign-in/', headers: { ...looks, cookie } });
    expect([start.statusCode, start.body]).toEqual([200, expect.stringContaining('href="/kibana/"')]);
    expect(start.body).not.toContain('/prometheus/');
    const refused = await server.inject({ method: 'GET', url: '/prometheus/', headers: { ...looks, cookie } });
    expect([refused.statusCode, refused.body]).toEqual([403, expect.stringContaining('href="/kibana/"')]);
  });

  test('that is not installed could look like a fault', async () => {
    const cookie = await asAuditor();
    kibanaIsThere = false;
    while (kibana.count() > 0) await new Promise(setImmediate);
    const page = await server.inject({ method: 'GET', url: '/kibana/', headers: { ...looks, cookie } });
    expect([page.statusCode, page.body, page.headers['retry-after']]).toEqual([503, expect.stringContaining('./holdfast audit export'), '30']);
    expect((await server.inject({ method: 'GET', url: '/kibana/api/status', headers: { cookie } })).json().code).toBe('upstream_unavailable');
  });
});
