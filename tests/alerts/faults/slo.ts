import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';
import { frozen, thawed } from '../fault.ts';
import { cut, rejoined } from '../containers-beside.ts';
import { askInTurns } from '../asking.ts';

/** As many at a time as a client of the edge has connections. */
const AT_A_TIME = 48;
/** Of a share over three days there is no talk below a request in twenty seconds. */
const REQUESTS_OF_THREE_DAYS = 14_000;

/**
 * Each about another objective, as the fastest holds the others of its own back. What counts is a share over hours: so many requests are made, bad ones and good, that it is what
 * the rule wants, and more than the next faster one does not.
 */
export const sloFaults: readonly Fault[] = [
  {
    alert: 'ErrorBudgetBurnsFast', what: 'the network between the edge and Keycloak is cut, and every tenth of those who want to sign in is refused', labels: { service: 'keycloak', objective: 'availability' }, touches: ['edge'],
    make: async (platform) => {
      const isCut = cut('edge', 'keycloak');
      const all = await requestsOf(platform, KEYCLOAK);
      await askInTurns(200, AT_A_TIME, () => signInPage(platform));
      await isCut(platform);
      await askInTurns(Math.ceil((all + 200) / 9), AT_A_TIME, () => signInPage(platform));
    },
    undo: rejoined('edge', 'keycloak'),
  },
  {
    alert: 'ErrorBudgetBurns', what: 'users is frozen for a second, again and again, and every tenth request is late', labels: { service: 'gateway', objective: 'latency' }, touches: ['users'],
    make: async (platform) => {
      const people = await Promise.all(Array.from({ length: 4 }, async () => (await platform.newCustomer()).client));
      const all = Math.max(await requestsOf(platform, GATEWAY), 1_200);
      await askInTurns(all, AT_A_TIME, () => platform.visitor.call('GET', '/v1/accounts'));
      for (let late = 0; late < all * 2 / 9; late += people.length * 10) {
        await frozen('users')(platform);
        const answers = askInTurns(people.length * 10, people.length * 10, (turn) => people[turn % people.length]?.call('GET', '/v1/users/me') ?? Promise.resolve());
        await askInTurns(1, 1, () => untilLate());
        await thawed('users')(platform);
        await answers;
      }
    },
    undo: async (platform) => {
      await thawed('users')(platform);
      await askInTurns(2 * (await requestsOf(platform, GATEWAY)), AT_A_TIME, () => platform.visitor.call('GET', '/v1/accounts'));
    },
  },
  {
    alert: 'ErrorBudgetBurnsSlowly', what: 'the network between the edge and Keycloak is cut for a moment, and three requests of a thousand are refused', labels: { service: 'edge', objective: 'availability' }, touches: ['keycloak'],
    make: async (platform) => {
      await readPages(platform, REQUESTS_OF_THREE_DAYS);
      await cut('edge', 'keycloak')(platform);
      await askInTurns(Math.max(0, 0.003 * (await requestsOf(platform, EDGE)) - (await failuresOf(platform))), AT_A_TIME, () => signInPage(platform));
      await rejoined('edge', 'keycloak')(platform);
    },
    // Until what failed is less than the month allows.
    undo: async (platform) => readPages(platform, Math.ceil((await failuresOf(platform)) / 0.0008 - (await requestsOf(platform, EDGE)))),
    scaled: { for: '15s' },
  },
];

const KEYCLOAK = 'haproxy_backend_http_responses_total{component="edge", proxy="keycloak"}';
const GATEWAY = 'http_server_request_duration_seconds_count{component="gateway", route=~"/v1.*"}';
const EDGE = 'haproxy_frontend_http_responses_total{component="edge", proxy="public", code!="other"}';

async function requestsOf(platform: Platform, series: string): Promise<number> {
  return Math.round((await platform.prometheus(`sum(increase(${series}[6h]))`))[0]?.value ?? 0);
}

function failuresOf(platform: Platform): Promise<number> {
  return requestsOf(platform, EDGE.replace('code!="other"', 'code="5xx"'));
}

/** Keycloak's description of its realm, which every application asks for. */
function signInPage(platform: Platform): Promise<unknown> {
  return platform.visitor.edge.call('/auth/realms/holdfast');
}

/** Served by the edge itself. */
function readPages(platform: Platform, count: number): Promise<void> {
  return askInTurns(count, AT_A_TIME, () => platform.visitor.edge.call('/runbooks/alerts/Watchdog.md'));
}

/** Longer than the half a second that the objective allows. */
function untilLate(): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, 1_000); });
}
