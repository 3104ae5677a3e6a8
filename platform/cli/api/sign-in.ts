import { createHash, randomBytes } from 'node:crypto';
import type { Edge } from './https.ts';

const CLIENT_ID = 'holdfast-web';

/** Why a sign-in did not give a token: what Keycloak's page said, or at which step the flow broke. */
export class SignInError extends Error {}

/**
 * Signs a person in the way a browser does: authorization code with PKCE (RFC 7636) through Keycloak's own login page.
 * No client of the realm takes passwords directly, so scripts walk the same path as people.
 * @returns an access token
 */
export async function signIn(edge: Edge, email: string, password: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const redirectUri = `${edge.url}/docs/oauth2-redirect.html`;
  const protocol = '/auth/realms/holdfast/protocol/openid-connect';
  const query = new URLSearchParams({
    client_id: CLIENT_ID, response_type: 'code', scope: 'openid', redirect_uri: redirectUri, state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });

  const page = await edge.call(`${protocol}/auth?${query}`);
  const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&');
  if (page.status !== 200 || !action) throw new SignInError(`the login page answered ${page.status} without a login form`);
  const cookies = [page.headers['set-cookie'] ?? []].flat().map((cookie) => cookie.split(';')[0]).join('; ');

  const answer = await edge.call(action, {
    method: 'POST',
    headers: { cookie: cookies, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ username: email, password, credentialId: '' }).toString(),
  });
  const code = answer.headers['location'] ? new URL(String(answer.headers['location']), edge.url).searchParams.get('code') : null;
  if (!code) throw new SignInError(`${email} was not let in (status ${answer.status})`);

  const exchange = await edge.call(`${protocol}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'authorization_code', client_id: CLIENT_ID, code, redirect_uri: redirectUri, code_verifier: verifier }).toString(),
  });
  if (exchange.status !== 200) throw new SignInError(`the code was not exchanged for a token (status ${exchange.status}: ${exchange.text.slice(0, 200)})`);
  return (JSON.parse(exchange.text) as { access_token: string }).access_token;
}
