import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { KeycloakKeys } from './keycloak-keys.ts';
import { TokenVerifier } from './token.ts';

const issuer = 'https://bank.example:8443/auth/realms/holdfast';
const audience = 'holdfast-api';
const now_s = (): number => Math.floor(Date.now() / 1_000);

let privateKey: CryptoKey;
let publicKey: CryptoKey;
let server: Server;
let answer: { status: number; body: string } | 'silence';
let good: string;
let fetches = 0;
let keys: KeycloakKeys;
let verifier: TokenVerifier;

const agent = new Agent();

beforeAll(async () => {
  ({ privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true }));
  good = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] });
  server = createServer((_request, response) => {
    fetches++;
    if (answer === 'silence') return;
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await agent.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  answer = { status: 200, body: good };
  fetches = 0;
  keys = new KeycloakKeys({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`, agent });
  verifier = new TokenVerifier({ keys, issuer, audience });
});

const claims = (): JWTPayload => ({ iss: issuer, aud: [audience, 'account'], sub: 'person-1', typ: 'Bearer', exp: now_s() + 60, iat: now_s(), realm_access: { roles: ['customer'] } });
const signed = (payload: JWTPayload, header: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(privateKey);

describe('a token that Keycloak issued', () => {
  test('tells who calls', async () => {
    await expect(verifier.verify(await signed(claims()))).resolves.toEqual({ caller: { subject: 'person-1', roles: ['customer'] } });
  });

  test('is verified once and remembered until it expires', async () => {
    const short = await signed({ ...claims(), exp: now_s() + 1 });
    expect(await verifier.verify(short)).toHaveProperty('caller');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await verifier.verify(short)).toEqual({ rejected: 'expired' });
  });

  test('fifty first requests at once fetch the keys once', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => signed({ ...claims(), jti: String(index) })));
    for (const verdict of await Promise.all(tokens.map((token) => verifier.verify(token)))) expect(verdict).toHaveProperty('caller');
    expect(fetches).toBe(1);
  });

  test('is still good while Keycloak is away', async () => {
    await keys.fetch();
    for (const bad of ['silence', { status: 500, body: '' }, { status: 200, body: '<html>' }, { status: 200, body: '{"keys":[]}' }, { status: 200, body: 'x'.repeat(300_000) }] as const) {
      answer = bad;
      await keys.fetch();
      expect(keys.trouble()).toContain('keys cannot be fetched');
      await expect(verifier.verify(await signed({ ...claims(), jti: JSON.stringify(bad).slice(0, 40) }))).resolves.toHaveProperty('caller');
    }
  }, 15_000);

  test('cannot be judged by a service that never saw the keys: 503, not 401', async () => {
    answer = { status: 500, body: '' };
    await expect(verifier.verify(await signed(claims()))).rejects.toMatchObject({ status: 503, code: 'identity_unavailable' });
  });

  test('signed with a new key is good after one more fetch', async () => {
    await keys.fetch();
    const next = await generateKeyPair('RS256', { extractable: true });
    answer = { status: 200, body: JSON.stringify({ keys: [{ ...(await exportJWK(next.publicKey)), kid: 'k2', alg: 'RS256', use: 'sig' }] }) };
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'k2' }).sign(next.privateKey);
    await expect(verifier.verify(token)).resolves.toHaveProperty('caller');
  });
});

describe('an attack', () => {
  const rejected = async (token: string): Promise<void> => {
    expect(await verifier.verify(token)).toHaveProperty('rejected');
    // A second look must not find a remembered mistake.
    expect(await verifier.verify(token)).toHaveProperty('rejected');
  };

  test('alg none', async () => {
    await rejected(new UnsecuredJWT(claims()).encode());
    const [, body] = (await signed(claims())).split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      await rejected(`${Buffer.from(JSON.stringify({ alg, kid: 'k1' })).toString('base64url')}.${body}.AA`);
    }
  });

  test('HS256 with the public key as its secret', async () => {
    const secret = new TextEncoder().encode(await exportSPKI(publicKey));
    await rejected(await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret));
  });

  test('the HS256 signature under a header that says RS256', async () => {
    const secret = new TextEncoder().encode(await exportSPKI(publicKey));
    const [, body, signature] = (await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret)).split('.');
    await rejected(`${Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'k1' })).toString('base64url')}.${body}.${signature}`);
  });

  test('another key under our key id', async () => {
    const other = await generateKeyPair('RS256');
    await rejected(await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(other.privateKey));
  });

  test('a key that the token brings along', async () => {
    const other = await generateKeyPair('RS256', { extractable: true });
    await rejected(await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'k9', jwk: await exportJWK(other.publicKey), jku: 'https://evil.example/jwks' }).sign(other.privateKey));
  });

  test.each([
    ['wrong issuer', { iss: 'https://bank.example:8443/auth/realms/master' }],
    ['no issuer', { iss: undefined }],
    ['wrong audience', { aud: 'account' }],
    ['no audience', { aud: undefined }],
    ['audience as a part of another', { aud: ['holdfast-api-2', 'xholdfast-api'] }],
    ['expired', { exp: Math.floor(Date.now() / 1_000) - 1 }],
    ['no exp', { exp: undefined }],
    ['exp as text', { exp: '9999999999' }],
    ['future nbf', { nbf: Math.floor(Date.now() / 1_000) + 3_600 }],
    ['an ID token', { typ: 'ID' }],
    ['a refresh token', { typ: 'Refresh' }],
    ['no subject', { sub: undefined }],
  ] as [string, Record<string, unknown>][])('%s', async (_name, change) => {
    await rejected(await signed({ ...claims(), ...change } as JWTPayload));
  });

  test('a changed body', async () => {
    const [header, , signature] = (await signed(claims())).split('.');
    await rejected(`${header}.${Buffer.from(JSON.stringify({ ...claims(), realm_access: { roles: ['admin'] } })).toString('base64url')}.${signature}`);
  });

  test('a critical extension that nobody understands', async () => {
    const [, body, signature] = (await signed(claims())).split('.');
    await rejected(`${Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'k1', crit: ['x'], x: 1 })).toString('base64url')}.${body}.${signature}`);
  });

  test.each(['', 'x', 'a.b', 'a.b.c', '..', 'null.null.null', 'eyJhbGciOiJSUzI1NiJ9.bnVsbA.AA', 'x'.repeat(100_000), `${'a.'.repeat(3)}a`])('no token at all: %.30s', async (token) => {
    await rejected(token);
  });

  test('a flood of made-up key ids reaches Keycloak once', async () => {
    await keys.fetch();
    fetches = 0;
    const tokens = await Promise.all(Array.from({ length: 200 }, (_, index) => signed(claims(), { kid: `made-up-${index}` })));
    for (const token of tokens) expect(await verifier.verify(token)).toEqual({ rejected: 'unknown_key' });
    expect(fetches).toBeLessThanOrEqual(1);
  });

  test('a silent Keycloak holds nobody longer than its time-out', async () => {
    await keys.fetch();
    answer = 'silence';
    const started = performance.now();
    await rejected(await signed(claims(), { kid: 'unknown' }));
    expect(performance.now() - started).toBeLessThan(4_000);
  }, 10_000);
});
