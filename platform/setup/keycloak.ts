import { auditClient, clients, masterSettings, people, realm, roles, settings, type Role } from '../keycloak/realm.ts';
import { callJson, type Answer } from './http.ts';
import { secret } from './identity.ts';
import { SetupError } from './patience.ts';

const BASE = 'https://keycloak:8443/auth';
const REALM = `${BASE}/admin/realms/holdfast`;

type Call = <T>(method: string, url: string, body: unknown, expected: readonly number[]) => Promise<Answer<T>>;

/**
 * Makes the realm, or brings an existing one to what this version declares: its settings and clients are put back to the declaration
 * (not their mappers and scopes), missing roles are added; people and what else an administrator added stay. Source: Keycloak's Admin REST API.
 */
export async function setUpKeycloak(): Promise<string> {
  const url = process.env.HOLDFAST_URL;
  if (!url) throw new SetupError('HOLDFAST_URL: missing');
  const token = await administratorToken();
  const call: Call = (method, address, body, expected) => callJson(method, address, { authorization: `Bearer ${token}` }, body, expected);

  await call('PUT', `${BASE}/admin/realms/master`, masterSettings, [204]);
  const present = (await call('GET', REALM, undefined, [200, 404])).status === 200;
  if (present) await update(call, url);
  else await call('POST', `${BASE}/admin/realms`, realm(url, secret), [201]);
  await letAuditLook(call);
  const made = await addPeople(call);
  return `realm ${present ? 'as declared' : 'made'}, ${made} people added`;
}

async function administratorToken(): Promise<string> {
  const form = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username: 'admin', password: secret('keycloak-admin-password') });
  const answer = await callJson<{ access_token?: string }>('POST', `${BASE}/realms/master/protocol/openid-connect/token`, {}, form, [200, 401]);
  if (!answer.body.access_token) throw new SetupError('Keycloak refuses the password of "admin": it was changed there; put it into the secret keycloak-admin-password');
  return answer.body.access_token;
}

async function update(call: Call, url: string): Promise<void> {
  await call('PUT', REALM, settings, [204]);
  for (const [name, description] of Object.entries(roles)) await call('POST', `${REALM}/roles`, { name, description }, [201, 409]);
  for (const client of clients(url, secret)) {
    const found = await call<{ id: string }[]>('GET', `${REALM}/clients?clientId=${encodeURIComponent(client.clientId)}`, undefined, [200]);
    const [existing] = found.body;
    if (existing) await call('PUT', `${REALM}/clients/${existing.id}`, withoutMappers(client), [204]);
    else await call('POST', `${REALM}/clients`, client, [201]);
  }
  await giveRoles(call, url);
}

interface Named {
  id: string;
  name: string;
}

/**
 * What a client may put into its tokens, and what the account of the users service may do, as the realm is made with them: a client that was deleted has lost
 * its part with it, and its tokens would open nothing. Adding what is there changes nothing.
 */
async function giveRoles(call: Call, url: string): Promise<void> {
  const declared = realm(url, secret);
  const idOf = async (client: string): Promise<string> => (await call<{ id: string }[]>('GET', `${REALM}/clients?clientId=${encodeURIComponent(client)}`, undefined, [200])).body[0]?.id ?? '';
  const among = (all: readonly Named[], wanted: readonly string[]): Named[] => all.filter(({ name }) => wanted.includes(name));
  const realmRoles = (await call<Named[]>('GET', `${REALM}/roles`, undefined, [200])).body;
  for (const { client, roles: wanted } of declared.scopeMappings) await call('POST', `${REALM}/clients/${await idOf(client)}/scope-mappings/realm`, among(realmRoles, wanted), [204]);
  for (const [holder, mappings] of Object.entries(declared.clientScopeMappings)) {
    const holderId = await idOf(holder);
    const clientRoles = (await call<Named[]>('GET', `${REALM}/clients/${holderId}/roles`, undefined, [200])).body;
    for (const { client, roles: wanted } of mappings) {
      const id = await idOf(client);
      await call('POST', `${REALM}/clients/${id}/scope-mappings/clients/${holderId}`, among(clientRoles, wanted), [204]);
      const account = (await call<{ id: string }>('GET', `${REALM}/clients/${id}/service-account-user`, undefined, [200])).body;
      await call('POST', `${REALM}/users/${account.id}/role-mappings/clients/${holderId}`, among(clientRoles, wanted), [204]);
    }
  }
}

/** The client by which audit takes in Keycloak's own events: an account of the realm `master`, which may look at the events of both realms and at nothing else. */
async function letAuditLook(call: Call): Promise<void> {
  const master = `${BASE}/admin/realms/master`;
  const declared = auditClient(secret);
  const find = async (clientId: string): Promise<string | undefined> =>
    (await call<{ id: string }[]>('GET', `${master}/clients?clientId=${encodeURIComponent(clientId)}`, undefined, [200])).body[0]?.id;
  const existing = await find(declared.clientId);
  if (existing) await call('PUT', `${master}/clients/${existing}`, declared, [204]);
  else await call('POST', `${master}/clients`, declared, [201]);
  const account = await call<{ id: string }>('GET', `${master}/clients/${existing ?? await find(declared.clientId)}/service-account-user`, undefined, [200]);
  for (const realmClient of ['master-realm', 'holdfast-realm']) {
    const client = await find(realmClient);
    const role = await call<{ id: string; name: string }>('GET', `${master}/clients/${client}/roles/view-events`, undefined, [200]);
    await call('POST', `${master}/users/${account.body.id}/role-mappings/clients/${client}`, [{ id: role.body.id, name: role.body.name }], [204]);
  }
}

/** A PUT of a client takes protocol mappers only with their ids; they are set when the client is made. */
function withoutMappers(client: object): object {
  return Object.fromEntries(Object.entries(client).filter(([name]) => name !== 'protocolMappers'));
}

/** The people of the first day, each once: a password that was changed since stays. */
async function addPeople(call: Call): Promise<number> {
  let made = 0;
  for (const person of people) {
    const found = await call<{ id: string }[]>('GET', `${REALM}/users?exact=true&username=${encodeURIComponent(person.email)}`, undefined, [200]);
    const [existing] = found.body;
    const id = existing?.id ?? (await addPerson(call, person));
    if (!existing) made++;
    await ensureRole(call, id, person.role);
  }
  return made;
}

async function addPerson(call: Call, person: (typeof people)[number]): Promise<string> {
  const answer = await call('POST', `${REALM}/users`, {
    username: person.email, email: person.email, emailVerified: true, enabled: true, firstName: person.firstName, lastName: person.lastName,
    credentials: [{ type: 'password', value: secret(person.passwordSecret), temporary: false }],
  }, [201]);
  return String(answer.location).split('/').at(-1) ?? '';
}

/** A person without any of our roles is one whose making was interrupted; a role that an administrator changed stays changed. */
async function ensureRole(call: Call, id: string, name: Role): Promise<void> {
  const held = await call<{ name: string }[]>('GET', `${REALM}/users/${id}/role-mappings/realm`, undefined, [200]);
  if (held.body.some((role) => role.name in roles)) return;
  const role = await call('GET', `${REALM}/roles/${name}`, undefined, [200]);
  await call('POST', `${REALM}/users/${id}/role-mappings/realm`, [role.body], [204]);
}
