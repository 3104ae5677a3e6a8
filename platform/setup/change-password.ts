import { text } from 'node:stream/consumers';
import { people } from '../keycloak/realm.ts';
import { callJson } from './http.ts';
import { secret } from './identity.ts';
import { SetupError } from './patience.ts';

/**
 * `holdfast rotate`, for a password that Keycloak keeps: sets the one that standard input tells, and ends every session of whom it belongs to. Run twice with the same one, it changes
 * nothing more: so it can be run again after whatever came between it and the vault.
 */
interface Wanted {
  readonly secret: string;
  readonly next: string;
}

const BASE = 'https://keycloak:8443/auth';

async function tokenOf(password: string): Promise<string | undefined> {
  const form = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username: 'admin', password });
  return (await callJson<{ access_token?: string }>('POST', `${BASE}/realms/master/protocol/openid-connect/token`, {}, form, [200, 401])).body.access_token;
}

const wanted = JSON.parse(await text(process.stdin)) as Wanted;
const person = people.find(({ passwordSecret }) => passwordSecret === wanted.secret);
const [realm, username] = wanted.secret === 'keycloak-admin-password' ? ['master', 'admin'] : ['holdfast', person?.email];
if (username === undefined) throw new SetupError(`${wanted.secret} is no password at Keycloak`);
const token = (await tokenOf(secret('keycloak-admin-password'))) ?? (realm === 'master' ? await tokenOf(wanted.next) : undefined);
if (token === undefined) throw new SetupError('Keycloak refuses the password of "admin": it was changed there; put it into the secret keycloak-admin-password');
const authorization = { authorization: `Bearer ${token}` };
const users = `${BASE}/admin/realms/${realm}/users`;
const { body: [user] } = await callJson<{ id: string }[]>('GET', `${users}?exact=true&username=${encodeURIComponent(username)}`, authorization, undefined, [200]);
if (!user) throw new SetupError(`Keycloak knows no "${username}"`);
await callJson('PUT', `${users}/${user.id}/reset-password`, authorization, { type: 'password', value: wanted.next, temporary: false }, [204]);
await callJson('POST', `${users}/${user.id}/logout`, authorization, undefined, [204]);
console.log(`${username} has a new password, and is signed out`);
