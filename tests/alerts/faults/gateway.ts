import { signIn } from '../../../platform/cli/api/sign-in.ts';
import type { Platform } from '../../kit/platform.ts';
import { frozen, stopped, type Fault } from '../fault.ts';
import { cut, rejoined } from '../containers-beside.ts';
import { keepAsking, stopAsking } from '../asking.ts';

/** An address may ask 120 times a minute without a token that is good: what these two ask would be counted together. */
const ANONYMOUS = 'requests without a token';

export const gatewayFaults: readonly Fault[] = [
  {
    alert: 'RateLimitStorm', what: 'somebody without a token asks twenty times a second', labels: {}, touches: [ANONYMOUS], needs: ['requests'],
    make: (platform) => ask('RateLimitStorm', 20, () => platform.visitor.call('GET', '/v1/accounts')), undo: () => quiet('RateLimitStorm'), scaled: { for: '15s', range: ['5m', '1m'] },
  },
  {
    alert: 'UnauthenticatedSpike', what: 'somebody tries forged tokens, eight a second, of which two are looked at; more than one counts as many', labels: {}, touches: [ANONYMOUS], needs: ['requests'],
    make: async (platform) => {
      const forged = await forgedToken(platform);
      await ask('UnauthenticatedSpike', 8, () => platform.visitor.call('GET', '/v1/accounts', undefined, { authorization: `Bearer ${forged}` }));
    },
    undo: () => quiet('UnauthenticatedSpike'), scaled: { for: '15s', number: ['2', '1'], range: ['10m', '1m'] },
  },
  {
    alert: 'ForbiddenSpike', what: 'a customer asks for the audit trail, four times a second', labels: {}, needs: ['requests'],
    make: async (platform) => {
      const { client } = await platform.newCustomer();
      await ask('ForbiddenSpike', 4, () => client.call('GET', '/v1/audit/checkpoints'));
    },
    undo: () => quiet('ForbiddenSpike'), scaled: { for: '15s', range: ['10m', '1m'] },
  },
  {
    alert: 'RateLimitsInMemory', what: 'Redis is frozen, and requests come', labels: {}, touches: ['redis'], needs: ['requests'],
    make: async (platform) => {
      const { client } = await platform.newCustomer();
      await ask('RateLimitsInMemory', 5, () => client.call('GET', '/v1/accounts'));
      await frozen('redis')(platform);
    },
    undo: () => quiet('RateLimitsInMemory'),
    // Before RedisDown says the same, a minute later, and holds it back.
    scaled: { for: '1s', range: ['5m', '1m'] },
  },
  {
    alert: 'DenialsNotAudited', what: 'the network between the gateway and Kafka is cut, and requests of many kinds are refused', labels: {}, touches: ['kafka', 'gateway', ANONYMOUS], needs: ['requests'],
    make: async (platform) => {
      await cut('gateway', 'kafka')(platform);
      await ask('DenialsNotAudited', 25, (turn) => refused(platform, turn));
    },
    undo: async (platform) => {
      await quiet('DenialsNotAudited');
      await rejoined('gateway', 'kafka')(platform);
    },
    scaled: { range: ['15m', '2m'] },
  },
  {
    alert: 'RequestsRepeated', what: 'users is stopped, and people ask for their profiles', labels: { service: 'users' }, touches: ['users'], needs: ['requests'],
    make: async (platform) => {
      const { client } = await platform.newCustomer();
      await stopped('users')(platform);
      await ask('RequestsRepeated', 2, () => client.call('GET', '/v1/users/me'));
    },
    undo: () => quiet('RequestsRepeated'), scaled: { for: '15s', range: ['5m', '1m'] },
  },
];

function ask(name: string, perSecond: number, request: (turn: number) => Promise<unknown>): Promise<void> {
  return Promise.resolve(keepAsking(name, perSecond, request));
}

function quiet(name: string): Promise<void> {
  return Promise.resolve(stopAsking(name));
}

/** A customer's own token, with another signature. */
async function forgedToken(platform: Platform): Promise<string> {
  const { email, password } = await platform.newCustomer();
  const [header = '', claims = ''] = (await signIn(platform.visitor.edge, email, password)).split('.');
  return `${header}.${claims}.${'A'.repeat(342)}`;
}

const PREFIXES = ['/v1/users', '/v1/accounts', '/v1/transfers', '/v1/holds', '/v1/reports', '/v1/audit'];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The trail is told of the same refusal of the same caller once in ten seconds: so each is another, by method, path and reason. */
function refused(platform: Platform, turn: number): Promise<unknown> {
  const method = METHODS[turn % METHODS.length] ?? 'GET';
  const prefix = PREFIXES[Math.floor(turn / METHODS.length) % PREFIXES.length] ?? '';
  const paths = [`${prefix}/a%2fb`, `${prefix}/a`, prefix];
  return platform.visitor.call(method, paths[Math.floor(turn / METHODS.length / PREFIXES.length) % paths.length] ?? prefix);
}
