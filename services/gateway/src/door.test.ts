import { afterEach, expect, test } from '@jest/globals';
import type { TokenVerifier } from '@holdfast/kit/token';
import { continueTrace } from '@holdfast/kit/trace';
import { fastify, type FastifyInstance } from 'fastify';
import type { Dispatcher } from 'undici';
import type { Denial, Denials } from './denials.ts';
import { Door } from './door.ts';
import { decide } from './limits/gcra.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { services } from './routes.ts';
import type { ServiceName } from './routes.ts';
import { Replicas } from './upstream/replicas.ts';
import type { Replica } from './upstream/replicas.ts';

const limits = { perSubject: 6, anonymousPerIp: 4, registrationPerIp: 2 };
let server: FastifyInstance | undefined;
let denied: Denial[] = [];

afterEach(() => server?.close());

/** The door with nobody behind it: who is let in meets a 503, or what the services answer. A token is a subject and its roles. */
function door(answers?: number): FastifyInstance {
  const verifier = { verify: async (token: string) => ({ caller: { subject: token.split('.')[0], roles: token.split('.').slice(1) } }) };
  const arrivals_ms = new Map<string, number>();
  const limiter = {
    take: async (key: string, perMinute: number, cost?: number) => {
      const { allowance, arrival_ms } = decide(arrivals_ms.get(key), perMinute, 0, cost);
      arrivals_ms.set(key, arrival_ms);
      return allowance;
    },
  };
  const identity = (): never => { throw new Error('there is nobody to connect to'); };
  const replicas = Object.fromEntries(services.map((service) => [service, answers === undefined ? new Replicas(service, { host: service, port: 1 }, identity) : replicasThatAnswer(service, answers)]));
  denied = [];
  server = fastify();
  server.addHook('onRequest', (request, _reply, done) => {
    request.scope = { trace: continueTrace(undefined) };
    done();
  });
  new Door(
    verifier as unknown as TokenVerifier, limiter as unknown as RateLimiter, { tell: (denial: Denial) => denied.push(denial) } as unknown as Denials,
    replicas as Readonly<Record<ServiceName, Replicas>>, limits,
  ).register(server);
  return server;
}

function replicasThatAnswer(service: string, status: number): Pick<Replicas, 'service' | 'inOrder' | 'shun'> {
  const pool = { dispatch: (_request: unknown, answer: Dispatcher.DispatchHandler): void => {
    const controller = {} as Dispatcher.DispatchController;
    answer.onResponseStart?.(controller, status, { 'content-length': '2' });
    answer.onResponseData?.(controller, Buffer.from('{}'));
    answer.onResponseEnd?.(controller, {});
  } };
  const replica = { pool, connectErrors: new WeakSet(), inFlight: 0 } as unknown as Replica;
  return { service, inOrder: () => [replica], shun: () => undefined };
}

async function statuses(count: number, request: { method: 'GET' | 'POST'; url: string; token?: string }): Promise<number[]> {
  const { method, url, token } = request;
  const to = server!;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answers = await Promise.all(Array.from({ length: count }, () => to.inject({ method, url, headers })));
  return answers.map(({ statusCode }) => statusCode).sort();
}

test('a token would buy more registrations than an address may make without one', async () => {
  door();
  expect(await statuses(3, { method: 'POST', url: '/v1/users', token: 'alice.customer' })).toEqual([429, 503, 503]);
  // Another of her accounts and none at all share what is left of the address: nothing.
  expect(await statuses(1, { method: 'POST', url: '/v1/users', token: 'bob.customer' })).toEqual([429]);
  expect(await statuses(1, { method: 'POST', url: '/v1/users' })).toEqual([429]);
});

test('an administrator could register no more people than a visitor', async () => {
  door();
  expect(await statuses(7, { method: 'POST', url: '/v1/users', token: 'root.admin' })).toEqual([429, 503, 503, 503, 503, 503, 503]);
});

test('other requests with a token would count as registrations', async () => {
  door();
  expect(await statuses(3, { method: 'GET', url: '/v1/users/me', token: 'alice.customer' })).toEqual([503, 503, 503]);
  expect(await statuses(1, { method: 'POST', url: '/v1/users', token: 'alice.customer' })).toEqual([503]);
});

test('a batch of a thousand would count as one transfer', async () => {
  const post = (bytes: number) => door_.inject({
    method: 'POST', url: '/v1/transfers/batch', headers: { 'authorization': 'Bearer alice.customer', 'content-type': 'application/json' }, payload: JSON.stringify({ items: 'x'.repeat(bytes - 12) }),
  });
  const door_ = door();
  // As the gateway itself does: bodies are not read.
  door_.removeAllContentTypeParsers();
  door_.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const small = await post(4_096);
  expect([small.statusCode, small.headers['ratelimit-remaining']]).toEqual([503, '5']);
  const four = await post(3 * 4_096 + 1);
  expect([four.statusCode, four.headers['ratelimit-remaining']]).toEqual([503, '1']);
  const two = await post(4_097);
  expect([two.statusCode, two.json().detail]).toEqual([429, 'At most 6 a minute, of which this one counts for 2; the next one may be sent in 10 s']);
});

test('somebody who tries what his role does not allow would be told of nowhere, as it is a service that refuses him', async () => {
  door(403);
  expect(await statuses(1, { method: 'GET', url: '/v1/audit/events', token: 'alice.customer' })).toEqual([403]);
  expect(denied).toEqual([{ reason: 'forbidden', status: 403, method: 'GET', route: '/v1/audit/*' }]);
  door(404);
  expect(await statuses(1, { method: 'GET', url: '/v1/audit/events', token: 'alice.customer' })).toEqual([404]);
  expect(denied).toEqual([]);
});
