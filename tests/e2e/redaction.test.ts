import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@playwright/test';
import type { ApiClient } from '../../platform/cli/api/client.ts';
import { signIn } from '../../platform/cli/api/sign-in.ts';
import { signInStaff } from '../../platform/cli/api/staff.ts';
import { clustersOf } from '../../platform/components.ts';
import { run } from '../../platform/cli/run.ts';
import { CAUGHT_UP, EVERYWHERE, HEALED, SCRAPED } from '../kit/budgets.ts';
import { Canaries, kinds, type Canary, type Kind } from '../kit/canaries.ts';
import { endpointsOf, placesIn, type Endpoint, type OpenApi } from '../kit/inputs.ts';
import { everyPlaceSince, type Place } from '../kit/places.ts';
import { Platform, type Person } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

/** What may stand where, and why. A row of which nothing is found is a fault as well: it would allow what nobody needs. */
const lawful: readonly { place: RegExp; input: RegExp; kinds: readonly Kind[]; why: string }[] = [
  {
    place: /^(topic ledger\.events|index holdfast-audit)$/, input: /body (.*\.)?(external_)?reference$/, kinds,
    why: 'the words that a payer sends along are part of the transfer, printed on the statements of all parties: reports are made of these events, and the audit trail has them to the byte',
  },
  {
    place: /^(log of edge|index holdfast-logs of edge)$/, input: /header (user-agent|host)$/, kinds: ['name'],
    why: 'a word among the words of a browser: nothing tells a name from them',
  },
];

const CLIENTS = 8;
const SOMEBODY = 'somebody@example.org';

let platform: Platform;
let customer: Person & { from: string; to: string };
let admin: ApiClient;
let operator: ApiClient;
let auditor: ApiClient;
let customerId: string;
const canaries = new Canaries();
const since = new Date();

test.beforeAll(async () => {
  platform = await Platform.attach();
  customer = await platform.fundedCustomer(1_000_000n);
  [admin, operator, auditor] = [await signInStaff(platform.instance, platform.visitor, 'admin'), await platform.operator(), await platform.auditor()];
  customerId = (await customer.client.must<{ id: string }>('GET', '/v1/users/me')).id;
});
test.afterAll(() => platform.close());

test('a secret, a token, a card number, an address or a name that somebody sends could stand in a log, an index, a metric or a topic', async () => {
  test.setTimeout(600_000);
  const document = await platform.visitor.must<OpenApi>('GET', '/docs/openapi.json');
  const good = {
    debit_account: customer.from, credit_account: customer.to, amount: '1', currency: 'EUR', reference: 'rent', external_reference: 'order 1', metadata: { order: '1' },
    legs: [{ account: customer.from, side: 'debit', amount: '1' }, { account: customer.to, side: 'credit', amount: '1' }],
    overdraft_limit: '100', expires_at: new Date(Date.now() + 86_400_000).toISOString(), name: 'Savings',
    email: SOMEBODY, password: randomBytes(18).toString('base64url'), given_name: 'Some', family_name: 'Body', roles: undefined, idempotency_key: undefined,
  };
  const endpoints = endpointsOf(document, good);
  expect(endpoints.length).toBeGreaterThan(25);

  const requests: (() => Promise<void>)[] = [];
  for (const endpoint of endpoints) requests.push(...await requestsTo(endpoint));
  for (const kind of kinds) requests.push(...atTheDoor(kind));
  await atOnce(requests);
  // Some of them were taken, some were refused; a test in which all fell at the same fence would prove little.
  expect(canaries.count).toBeGreaterThan(1_000);
  expect([...answered.keys()]).toEqual(expect.arrayContaining([200, 201, 400, 401, 404, 415]));
  expect([...answered].filter(([status]) => status >= 500)).toEqual([]);

  const traceId = randomBytes(16).toString('hex');
  await mark(traceId);
  const places = await everyPlaceSince(platform, since);
  await test.step('the search sees: what was put there on purpose is found in every kind of place', () => {
    const seenIn = places.filter(({ text }) => text.includes(traceId)).map(({ name }) => name);
    const services = ['edge', 'gateway', 'users', 'transactions', 'reporting', 'audit'];
    expect(seenIn).toEqual(expect.arrayContaining([...services.flatMap((service) => [`log of ${service}`, `index holdfast-logs of ${service}`]), 'index holdfast-audit', 'topic ledger.events']));
    expect(places.find(({ name }) => name === 'metrics')?.text).toContain('"route":"/v1/transfers"');
    for (const { service } of fixedPaths(endpoints)) expect(services).toContain(service);
  });
  await test.step('nothing else is', () => {
    expect(strayIn(places)).toEqual([]);
    expect(lawful.filter((row) => !places.some((place) => canaries.foundIn(place.text).some((canary) => allows(row, place, canary)))).map(({ why }) => why)).toEqual([]);
  });
  await test.step('and paths can still be read', () => {
    const edge = places.find(({ name }) => name === 'log of edge')?.text.replaceAll('\\/', '/') ?? '';
    for (const { method, logged } of fixedPaths(endpoints)) expect(edge).toMatch(logged(method));
  });
});

test('a value that a statement came with could stand in the log of Postgres', async () => {
  for (const cluster of Object.keys(clustersOf(platform.instance.settings.ledgers))) {
    const leader = await platform.leaderOf(cluster);
    const own = new Canaries();
    const begun = new Date();
    const marker = randomUUID();
    const row = own.make('name', 'a row that breaks a constraint');
    // As a service does it: values beside the statement. One statement is slow, one breaks a constraint twice over, one has a value of no use.
    const script = `
      select pg_sleep(0.6), $1::text as "${marker}" \\bind ${own.make('address', 'a slow statement')} \\g
      create temporary table "t${marker}" (v text constraint "once ${marker}" unique, n int constraint "positive ${marker}" check (n > 0));
      insert into "t${marker}" values ($1, 1) \\bind ${row} \\g
      insert into "t${marker}" values ($1, 1) \\bind ${row} \\g
      insert into "t${marker}" values ($1, 0) \\bind ${own.make('secret', 'another row')} \\g
    `;
    await run('docker', ['exec', '-i', (await platform.container(leader)).id, 'psql', '-X', '-q', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'postgres'], { input: script });
    const log = await within(EVERYWHERE, `what ${leader} says of them`, async () => {
      const { stdout, stderr } = await run('docker', ['logs', '--since', begun.toISOString(), (await platform.container(leader)).id]);
      const text = stdout + stderr;
      return text.includes(`"positive ${marker}"`) ? text : undefined;
    });
    expect(log).toContain(`as "${marker}"`);
    expect(log).toContain(`"once ${marker}"`);
    expect(own.foundIn(log), cluster).toEqual([]);
  }
});

/** How often each status was answered. */
const answered = new Map<number, number>();

/** Sends, and comes again if it is asked to: a request that is turned away at the gate gets no further than the gate. */
async function send(client: ApiClient, method: string, path: string, body: string | undefined, headers: Record<string, string> = {}): Promise<number> {
  const status = await within(CAUGHT_UP + HEALED, `a turn for ${method} ${path}`, async () => {
    const answer = await client.callWithText(method, path, body, headers);
    return answer.status === 429 || answer.status === 503 ? undefined : answer.status;
  });
  answered.set(status, (answered.get(status) ?? 0) + 1);
  return status;
}

/** All requests to one endpoint: a canary of each kind in each of its inputs, while the others are good, so that it gets as far as it can. */
async function requestsTo(endpoint: Endpoint): Promise<(() => Promise<void>)[]> {
  const { method, path, parameters, bodies } = endpoint;
  const client = callerOf(endpoint);
  const ids = await idsFor(path);
  const where = `${method} ${path}`;
  const urlWith = (more: Record<string, string> = {}, query: Record<string, string> = {}): string => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(more[name] ?? ids[name] ?? '').replaceAll('%40', '@'));
    const good = Object.entries(path.startsWith('/v1/audit') ? entries : period).filter(([name]) => parameters.some((parameter) => parameter.in === 'query' && parameter.name === name));
    const all = new URLSearchParams({ ...Object.fromEntries(good), ...query }).toString();
    return all === '' ? filled : `${filled}?${all}`;
  };
  const keyed = (): Record<string, string> => (parameters.some(({ name }) => name.toLowerCase() === 'idempotency-key') ? { 'Idempotency-Key': randomUUID() } : {});
  const textOf = (body: unknown): string | undefined => (body === undefined ? undefined : JSON.stringify(withKeys(body)));
  const requests: (() => Promise<void>)[] = [];
  const plan = (request: () => Promise<number>): void => void requests.push(async () => { await request(); });

  const status = await send(client, method, urlWith(), textOf(fresh(bodies[0])), keyed());
  if ([401, 403, 404].includes(status) || status >= 500) throw new Error(`a good request to ${where} is answered ${status}: no input of it would be tried`);

  for (const kind of kinds) {
    const put = (input: string): string => canaries.make(kind, `${where} ${input}`);
    for (const { name, in: place } of parameters) {
      const text = put(`${place} ${name}`);
      const url = urlWith(place === 'path' ? { [name]: text } : {}, place === 'query' ? { [name]: text } : {});
      plan(() => send(client, method, url, textOf(fresh(bodies[0])), { ...keyed(), ...(place === 'header' && { [name]: text }) }));
    }
    for (const [form, body] of bodies.entries()) {
      if (body === undefined) continue;
      for (const { name, put: putInto } of placesIn(body)) {
        // Digits where an amount belongs are an amount, and balances that grow by it would pass for other cards.
        if (kind === 'card' && /(^|\.)(amount|overdraft_limit)$/.test(name)) continue;
        const text = put(`body ${name}`);
        plan(() => send(client, method, urlWith(), textOf(fresh(putInto(text))), keyed()));
      }
      if (form > 0) continue;
      for (const broken of [`{"note":"${put('body that breaks off')}`, `${put('body that is no JSON')} {}`, `"${put('body that is a text')}"`]) plan(() => send(client, method, urlWith(), broken, keyed()));
      const type = put('header content-type');
      plan(() => send(client, method, urlWith(), textOf(fresh(body)), { ...keyed(), 'content-type': `text/${type}` }));
    }
    // What no description names, all at once, as none of it makes a request fail.
    const headers = Object.fromEntries(unasked.map((name) => [name, put(`header ${name}`)]));
    const host = put('header host');
    plan(() => send(client, method, urlWith(), textOf(fresh(bodies[0])), { host, ...keyed() }));
    plan(() => send(client, method, urlWith({}, bodies[0] === undefined && method === 'GET' ? { [put('query <name>')]: 'x', more: put('query <more>') } : {}), textOf(fresh(bodies[0])), { ...headers, ...keyed() }));
  }
  const credentials = canaries.make(path.length % 2 === 0 ? 'token' : 'secret', `${where} header authorization`);
  plan(() => send(platform.visitor, method, urlWith(), textOf(fresh(bodies[0])), { ...keyed(), authorization: `Bearer ${credentials}` }));
  return requests;
}

const unasked = ['user-agent', 'referer', 'origin', 'cookie', 'from', 'via', 'accept-language', 'x-api-key', 'x-note', 'x-request-id', 'x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip', 'traceparent', 'tracestate', 'baggage'];

/** Good values of what a query may ask for; little of it, as it is asked for often. */
const period = { from: '2026-01-01T00:00:00Z', to: '2026-12-31T00:00:00Z', limit: '1' };
const entries = { from: '1', to: '1', limit: '1' };

/** What no path of the API is, credentials of other forms, and the page where people sign in. */
function atTheDoor(kind: Kind): (() => Promise<void>)[] {
  const put = (input: string): string => canaries.make(kind, input);
  const [path, below, method, plain, basic] = [put('path below /v1'), put('path below an id'), put('method'), put('header authorization, plain'), put('header authorization, Basic')];
  const [typed, password, hint, back, state] = [put('name at the sign-in'), put('password at the sign-in'), put('hint at the sign-in'), put('way back from the sign-in'), put('state at the sign-in')];
  const begin = `/auth/realms/holdfast/protocol/openid-connect/auth?client_id=holdfast-web&response_type=code&scope=openid&state=${state}&code_challenge=${randomBytes(32).toString('base64url')}&code_challenge_method=S256`;
  return [
    async () => void await send(customer.client, 'GET', `/v1/${path}`, undefined),
    async () => void await send(customer.client, 'POST', `/v1/transfers/${randomUUID()}/reverse/${below}`, undefined),
    async () => void await send(customer.client, method.replace(/[^A-Za-z0-9._-]/g, '-'), '/v1/transfers', undefined),
    async () => void await send(platform.visitor, 'GET', '/v1/accounts', undefined, { authorization: plain }),
    async () => void await send(platform.visitor, 'GET', '/v1/accounts', undefined, { authorization: `Basic ${basic}` }),
    async () => void await platform.visitor.edge.call(`${begin}&login_hint=${hint}&redirect_uri=${encodeURIComponent(`${platform.visitor.edge.url}/docs/oauth2-redirect.html`)}`),
    async () => void await platform.visitor.edge.call(`${begin}&redirect_uri=${encodeURIComponent(`https://elsewhere.example/${back}`)}`),
    async () => { await expect(signIn(platform.visitor.edge, typed, password)).rejects.toThrow('was not let in'); },
  ];
}

/** Who may do it. */
function callerOf({ method, path }: Endpoint): ApiClient {
  if (path.startsWith('/v1/audit')) return auditor;
  // Without limit of registrations.
  if (path === '/v1/users' && method === 'POST') return admin;
  if (/^\/v1\/users\/\{|\/(deposits|withdrawals|freeze|unfreeze|overdraft-limit)$/.test(path)) return operator;
  return customer.client;
}

/** What stands for the parameters of a path: of its own for each endpoint, as one closes an account and another takes a transfer back. */
async function idsFor(path: string): Promise<Record<string, string>> {
  if (path.startsWith('/v1/users/{')) return { id: customerId };
  if (path.startsWith('/v1/audit')) return { sequence: '1' };
  if (path.startsWith('/v1/transfers/{')) return { id: (await customer.client.transfer({ from: customer.from, to: customer.to, amountMinor: 10n, currency: 'EUR' })).body.id };
  if (path.startsWith('/v1/holds/{')) return { id: (await customer.client.hold({ from: customer.from, to: customer.to, amountMinor: 10n, currency: 'EUR' })).body.id };
  if (path.startsWith('/v1/reports')) {
    await within(EVERYWHERE, 'the account in the reports', async () => ((await customer.client.call('GET', `/v1/reports/accounts/${customer.from}/statement?${new URLSearchParams(period).toString()}`)).status === 200 ? true : undefined));
    return { id: customer.from };
  }
  const account = await customer.client.openAccount('EUR');
  if (path.endsWith('/withdrawals')) await operator.deposit(account, 1_000n);
  return { id: account };
}

/** A person is registered once: under an address of his own, where none was planted. */
function fresh(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'email' in body && body.email === SOMEBODY ? { ...body, email: `test-${randomBytes(6).toString('hex')}@holdfast.internal` } : body;
}

/** Each item of a batch needs a key of its own. */
function withKeys(body: unknown): unknown {
  const items = typeof body === 'object' && body !== null && 'items' in body ? body.items : undefined;
  if (!Array.isArray(items)) return body;
  return { ...body as object, items: items.map((item: unknown) => (typeof item === 'object' && item !== null ? { idempotency_key: randomUUID(), ...withoutUndefined(item) } : item)) };
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));
}

async function atOnce(requests: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...requests];
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (let request = waiting.shift(); request; request = waiting.shift()) await request();
  }));
}

/**
 * Leaves a harmless mark behind all canaries, and waits until it is found: lines of a component arrive in their order, so what it wrote before is there as well. The mark is a
 * trace id, which goes all the way from the edge into events; at Keycloak, the id of who signs in.
 */
async function mark(traceId: string): Promise<void> {
  const traced = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` };
  const person = await platform.newCustomer();
  const { id } = await person.client.must<{ id: string }>('GET', '/v1/users/me', undefined, traced);
  for (const path of ['/v1/reports/balances', `/v1/accounts/${customer.from}`]) await customer.client.must('GET', path, undefined, traced);
  await auditor.must('GET', '/v1/audit/entries?limit=1', undefined, traced);
  expect((await customer.client.transfer({ from: customer.from, to: customer.to, amountMinor: 1n, currency: 'EUR' }, randomUUID(), traced)).status).toBe(201);
  const marked_ms = Date.now();

  await within(CAUGHT_UP, 'the mark in the logs of all', async () => {
    const lines = await platform.search<{ 'service.name': string }>('holdfast-logs', { size: 100, query: { term: { 'trace.id': traceId } } });
    const signedIn = await platform.count('holdfast-logs', { query: { match_phrase: { message: id } } });
    const missing = ['edge', 'gateway', 'users', 'transactions', 'reporting', 'audit'].filter((service) => !lines.some((line) => line['service.name'] === service));
    if (missing.length > 0 || signedIn === 0) throw new Error(`not in those of ${[...missing, ...(signedIn === 0 ? ['keycloak'] : [])].join(', ')}`);
    return true;
  });
  await within(EVERYWHERE, 'the mark in the audit index', async () => (await platform.search('holdfast-audit', { query: { term: { 'trace.id': traceId } } }))[0]);
  await within(SCRAPED, 'a look of Prometheus at every service', async () => {
    const looks = await platform.prometheus('min(timestamp(up{job=~"edge|gateway|users|transactions|reporting|audit|keycloak"}))');
    return (looks[0]?.value ?? 0) * 1_000 > marked_ms ? true : undefined;
  });
}

function allows({ place, input, kinds: allowed }: (typeof lawful)[number], { name }: Place, canary: Canary): boolean {
  return place.test(name) && input.test(canary.input) && allowed.includes(canary.kind);
}

/** What is where it must not be: a line for each place and input. */
function strayIn(places: readonly Place[]): string[] {
  return places.flatMap((place) => {
    const stray = canaries.foundIn(place.text).filter((canary) => !lawful.some((row) => allows(row, place, canary)));
    return [...Map.groupBy(stray, ({ input }) => input)].map(([input, found]) => `${place.name}: ${found.map(({ kind }) => kind).join(', ')} of ${input}`);
  }).sort();
}

/** Of each endpoint, its line in the log of the edge: the words of the API are not taken for something else. */
function fixedPaths(endpoints: readonly Endpoint[]): { service: string; method: string; logged(method: string): RegExp }[] {
  const services: Readonly<Record<string, string>> = { users: 'users', accounts: 'transactions', transfers: 'transactions', holds: 'transactions', reports: 'reporting', audit: 'audit' };
  return endpoints.map(({ method, path }) => ({
    service: services[path.split('/')[2] ?? ''] ?? path,
    method,
    logged: (of) => new RegExp(`"${of} ${path.replace(/\{\w+\}/g, '[0-9a-f-]+')} \\d{3}"`),
  }));
}
