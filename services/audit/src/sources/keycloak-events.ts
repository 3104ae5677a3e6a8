import { readSecret } from '@holdfast/kit/tls';
import type { Database } from '@holdfast/kit/postgres';
import { z } from 'zod';
import { appendOccurrences, type Occurrence } from '../log/append-events.ts';
import { idOf } from './operator-commands.ts';
import type { Source } from './source-loop.ts';
import { forgetTakenIn, markTakenIn, moveSourcePosition, readSourcePosition } from './sources.store.ts';

const TOPIC = 'keycloak.events';
const PAGE = 200;
/** An event can become visible after one that is later than it: so much is asked for again. Longer than any request at Keycloak lasts. */
const OVERLAP_MS = 60_000;
/** What Keycloak itself keeps (platform/keycloak/realm.ts). */
const KEPT_MS = 30 * 86_400_000;

const text = z.string().nullish();
const UserEvent = z.looseObject({ id: text, time: z.number(), type: z.string(), clientId: text, userId: text, sessionId: text, ipAddress: text, error: text });
const AdminEvent = z.looseObject({
  id: text, time: z.number(), operationType: z.string(), resourceType: text, resourcePath: text, error: text,
  authDetails: z.looseObject({ realmId: text, clientId: text, userId: text, ipAddress: text }).nullish(),
});

/** An answer of Keycloak's administration API, signed in. */
export interface KeycloakAdministration {
  get(path: string, signal: AbortSignal): Promise<unknown>;
}

/**
 * Takes in what Keycloak notes down of sign-ins, failures and administration, in both realms. It is asked again for the last minute each time, as events become
 * visible in another order than they happen, and each is taken once by its id. What is personal in the details (the name that somebody typed) stays there.
 */
export class KeycloakEvents implements Source {
  readonly name: string;
  readonly number: number;
  private readonly realm: string;
  private readonly kind: 'events' | 'admin-events';
  private readonly administration: KeycloakAdministration;

  constructor(realm: string, kind: 'events' | 'admin-events', number: number, administration: KeycloakAdministration) {
    this.name = `keycloak ${realm} ${kind}`;
    this.realm = realm;
    this.kind = kind;
    this.number = number;
    this.administration = administration;
  }

  async read(database: Database, signal: AbortSignal): Promise<boolean> {
    const seen_ms = Number(await readSourcePosition(database, this.name));
    const from_ms = Math.max(seen_ms - OVERLAP_MS, Date.now() - KEPT_MS, 0);
    for (let first = 0; ; first += PAGE) {
      const answer = await this.administration.get(`/realms/${this.realm}/${this.kind}?direction=asc&dateFrom=${from_ms}&first=${first}&max=${PAGE}`, signal);
      const told = (this.kind === 'events' ? z.array(UserEvent).parse(answer).map((event) => this.signIn(event)) : z.array(AdminEvent).parse(answer).map((event) => this.administered(event)));
      if (told.length === 0) return false;
      await database.transaction(async (connection) => {
        const unknown = await markTakenIn(connection, this.name, told);
        await appendOccurrences(connection, TOPIC, told.filter(({ id }) => unknown.delete(id)));
        const last_ms = Math.max(seen_ms, ...told.map(({ occurredAt_ms }) => occurredAt_ms));
        await moveSourcePosition(connection, this.name, BigInt(last_ms));
        await forgetTakenIn(connection, this.name, last_ms - 10 * OVERLAP_MS);
      });
      if (told.length < PAGE) return false;
    }
  }

  private signIn(event: z.output<typeof UserEvent>): Occurrence {
    const { type, time, userId, clientId, sessionId, ipAddress, error } = event;
    return {
      id: this.idOf(event), type: `sign_in.${type.toLowerCase()}`, occurredAt_ms: time, actor: userId ?? 'unknown',
      data: { realm: this.realm, client: clientId ?? null, session: sessionId ?? null, from: ipAddress ?? null, error: error ?? null, outcome: error || type.endsWith('_ERROR') ? 'failure' : 'success' },
    };
  }

  private administered(event: z.output<typeof AdminEvent>): Occurrence {
    const { operationType, time, resourceType, resourcePath, error, authDetails } = event;
    return {
      id: this.idOf(event), type: `administration.${operationType.toLowerCase()}`, occurredAt_ms: time, actor: authDetails?.userId ?? 'unknown',
      data: {
        realm: this.realm, of_realm: authDetails?.realmId ?? null, client: authDetails?.clientId ?? null, from: authDetails?.ipAddress ?? null,
        resource: resourceType ?? null, path: resourcePath ?? null, error: error ?? null, outcome: error ? 'failure' : 'success',
      },
    };
  }

  /** Keycloak's own id where it tells it; where it does not, two events that are the same in all they say, to the millisecond, are one. */
  private idOf(event: { id?: string | null | undefined }): string {
    return event.id && /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(event.id) ? event.id : idOf(`${this.name} ${JSON.stringify(event)}`);
  }
}

const TokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() });

/** Signs in as the client `audit` of the realm `master`, whose account may look at events and nothing else. */
export class AuditAccount implements KeycloakAdministration {
  private readonly options: { keycloakUrl: string; directory: string; fetch: (url: string, init: { method?: string; headers?: Record<string, string>; body?: string; signal: AbortSignal }) => Promise<{ status: number; text: string }> };
  private token: { value: string; until_ms: number } | undefined;
  private fetching: Promise<string> | undefined;

  constructor(options: AuditAccount['options']) {
    this.options = options;
  }

  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const { keycloakUrl, fetch } = this.options;
    const answer = await fetch(`${keycloakUrl}/admin${path}`, { headers: { authorization: `Bearer ${await this.accessToken(signal)}` }, signal });
    if (answer.status === 401) this.token = undefined;
    if (answer.status !== 200) throw new Error(`Keycloak answered ${answer.status}`);
    return JSON.parse(answer.text);
  }

  /** One sign-in for all who ask at the same time: each is an event of its own. */
  private accessToken(signal: AbortSignal): Promise<string> {
    if (this.token && this.token.until_ms > Date.now()) return Promise.resolve(this.token.value);
    this.fetching ??= this.fetchToken(signal).finally(() => { this.fetching = undefined; });
    return this.fetching;
  }

  private async fetchToken(signal: AbortSignal): Promise<string> {
    const { keycloakUrl, directory, fetch } = this.options;
    const secret = readSecret('keycloak-client-audit', directory);
    const answer = await fetch(`${keycloakUrl}/realms/master/protocol/openid-connect/token`, {
      method: 'POST', signal, body: 'grant_type=client_credentials',
      headers: { 'authorization': `Basic ${Buffer.from(`audit:${encodeURIComponent(secret)}`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' },
    });
    if (answer.status !== 200) throw new Error(`Keycloak did not sign this service in: ${answer.status}`);
    const { access_token, expires_in } = TokenAnswer.parse(JSON.parse(answer.text));
    this.token = { value: access_token, until_ms: Date.now() + (expires_in - 10) * 1_000 };
    return access_token;
  }
}
