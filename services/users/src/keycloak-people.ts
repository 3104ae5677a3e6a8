import { refuse, unavailable } from '@holdfast/kit/problem';
import type { Problem, Refusal } from '@holdfast/kit/problem';
import { outgoingHeaders } from '@holdfast/kit/http-client';
import { readFileSync } from 'node:fs';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';

const TokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() });
const FoundPerson = z.looseObject({ id: z.string(), enabled: z.boolean(), createdTimestamp: z.number().optional() });
const Role = z.looseObject({ id: z.string(), name: z.string() });
const Failure = z.looseObject({ errorMessage: z.string().optional(), error: z.string().optional(), error_description: z.string().optional() });

export interface FoundPerson {
  readonly id: string;
  readonly enabled: boolean;
  readonly createdAt_ms: number;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly location: string | undefined;
}

/**
 * People at Keycloak, over its administration API (https://www.keycloak.org/docs-api/latest/rest-api/), as the client `users`, whose service
 * account may manage users of this realm and nothing else. Keycloak away or too slow is a 503 problem.
 */
export class KeycloakPeople {
  private readonly realm: string;
  private readonly administration: string;
  private readonly secretFile: string;
  private readonly agent: Dispatcher;
  private token: { value: string; expires_ms: number } | undefined;
  private fetching: Promise<string> | undefined;

  constructor(options: { keycloakUrl: string; secretFile: string; agent: Dispatcher }) {
    this.realm = `${options.keycloakUrl}/realms/holdfast`;
    this.administration = `${options.keycloakUrl}/admin/realms/holdfast`;
    this.secretFile = options.secretFile;
    this.agent = options.agent;
  }

  /** Creates a person who cannot sign in yet. Returns the subject id, or that the address is in use, or that the password is too weak. */
  async create(person: { email: string; password: string; givenName: string; familyName: string }): Promise<string | Refusal<'email_taken' | 'password_refused'>> {
    const answer = await this.call('POST', '/users', {
      username: person.email,
      email: person.email,
      emailVerified: false,
      enabled: false,
      firstName: person.givenName,
      lastName: person.familyName,
      credentials: [{ type: 'password', value: person.password, temporary: false }],
    });
    if (answer.status === 409) return refuse('email_taken');
    if (answer.status === 400) return refuse('password_refused', reasonOf(answer.body));
    const id = answer.location?.split('/').at(-1);
    if (answer.status !== 201 || id === undefined) throw unexpected('create a person', answer);
    return id;
  }

  async byEmail(email: string): Promise<FoundPerson | undefined> {
    const answer = await this.call('GET', `/users?exact=true&email=${encodeURIComponent(email)}`);
    if (answer.status !== 200) throw unexpected('look a person up', answer);
    const [found] = z.array(FoundPerson).parse(answer.body);
    return found && { id: found.id, enabled: found.enabled, createdAt_ms: found.createdTimestamp ?? 0 };
  }

  /** Asks for the roles that this person can still be given: that needs no right to read the realm. */
  async giveRoles(id: string, names: readonly string[]): Promise<void> {
    const mappings = `/users/${encodeURIComponent(id)}/role-mappings/realm`;
    const available = await this.call('GET', `${mappings}/available`);
    if (available.status !== 200) throw unexpected('list the roles', available);
    const chosen = z.array(Role).parse(available.body).filter((role) => names.includes(role.name)).map(({ id: role, name }) => ({ id: role, name }));
    if (chosen.length !== names.length) throw new Error(`the realm has not all of the roles ${names.join(', ')}`);
    const answer = await this.call('POST', mappings, chosen);
    if (answer.status !== 204) throw unexpected('give roles', answer);
  }

  /** From now on the person can sign in. */
  async enable(id: string): Promise<void> {
    await this.update(id, { enabled: true });
  }

  async rename(id: string, name: { givenName: string; familyName: string }): Promise<void> {
    await this.update(id, { firstName: name.givenName, lastName: name.familyName });
  }

  async remove(id: string): Promise<void> {
    const answer = await this.call('DELETE', `/users/${encodeURIComponent(id)}`);
    if (answer.status !== 204 && answer.status !== 404) throw unexpected('remove a person', answer);
  }

  /** The whole representation goes back: Keycloak takes what is missing from one for removed. */
  private async update(id: string, change: Record<string, unknown>): Promise<void> {
    const path = `/users/${encodeURIComponent(id)}`;
    const present = await this.call('GET', path);
    if (present.status !== 200) throw unexpected('read a person', present);
    const answer = await this.call('PUT', path, { ...(present.body as object), ...change });
    if (answer.status !== 204) throw unexpected('change a person', answer);
  }

  private async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    const send = async (): Promise<Answer> => this.send(`${this.administration}${path}`, {
      method,
      headers: {
        ...outgoingHeaders(),
        authorization: `Bearer ${await this.accessToken()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer = await send();
    // The token was taken back (Keycloak restarted, keys rotated): a fresh one, once.
    if (answer.status === 401) {
      this.token = undefined;
      return known(await send());
    }
    return known(answer);
  }

  private accessToken(): Promise<string> {
    if (this.token && this.token.expires_ms > Date.now()) return Promise.resolve(this.token.value);
    this.fetching ??= this.fetchToken().finally(() => { this.fetching = undefined; });
    return this.fetching;
  }

  private async fetchToken(): Promise<string> {
    const secret = readFileSync(this.secretFile, 'utf8').trim();
    const answer = known(await this.send(`${this.realm}/protocol/openid-connect/token`, {
      method: 'POST',
      headers: {
        'authorization': `Basic ${Buffer.from(`users:${encodeURIComponent(secret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
    }));
    if (answer.status !== 200) throw unexpected('sign this service in', answer);
    const token = TokenAnswer.parse(answer.body);
    this.token = { value: token.access_token, expires_ms: Date.now() + (token.expires_in - 10) * 1_000 };
    return token.access_token;
  }

  private async send(url: string, options: { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; headers: Record<string, string>; body: string | null }): Promise<Answer> {
    try {
      const response = await request(url, { ...options, dispatcher: this.agent });
      const text = await response.body.text();
      const location = response.headers.location;
      return { status: response.statusCode, body: text === '' ? undefined : jsonOf(text), location: typeof location === 'string' ? location : undefined };
    } catch (cause) {
      throw away(cause);
    }
  }
}

function known(answer: Answer): Answer {
  if (answer.status >= 500) throw away(new Error(`Keycloak answered ${answer.status}`));
  return answer;
}

function away(cause: unknown): Problem {
  return unavailable('identity_unavailable', 'Keycloak cannot be reached', { retryAfter_s: 5, cause });
}

/** Keycloak's reason only: its answer could repeat what was sent. */
function unexpected(what: string, answer: Answer): Error {
  return new Error(`Keycloak did not ${what}: ${answer.status} ${reasonOf(answer.body) ?? ''}`);
}

function reasonOf(body: unknown): string | undefined {
  const failure = Failure.safeParse(body);
  return failure.success ? (failure.data.error_description ?? failure.data.errorMessage ?? failure.data.error) : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

