import { unavailable } from '@holdfast/kit/problem';
import type { TokenVerifier } from '@holdfast/kit/token';
import { createHash } from 'node:crypto';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';

const CLIENT_ID = 'gateway';
const TIMEOUT_MS = 5_000;

export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  /** Of the proof key: RFC 7636. */
  readonly verifier: string;
  readonly returnTo: string;
}

export interface Person {
  readonly subject: string;
  readonly roles: readonly string[];
  /** Names the session to Keycloak when it is ended. */
  readonly idToken: string;
}

const Tokens = z.looseObject({ access_token: z.string(), id_token: z.string() });
const IdToken = z.looseObject({ iss: z.string(), aud: z.union([z.string(), z.array(z.string())]), azp: z.string().optional(), sub: z.string(), nonce: z.string(), exp: z.number() });

/** Keycloak as who signs people in: OpenID Connect Core 1.0, authorization code flow with a proof key and a client secret. */
export class SignInProvider {
  constructor(private readonly options: {
    readonly publicUrl: string;
    readonly keycloakUrl: string;
    readonly secret: () => string;
    readonly agent: Dispatcher;
    readonly verifier: Pick<TokenVerifier, 'verify'>;
  }) {}

  /** Where a browser is sent to sign in. */
  begin(attempt: Attempt): string {
    return `${this.issuer}/protocol/openid-connect/auth?${new URLSearchParams({
      client_id: CLIENT_ID, response_type: 'code', scope: 'openid', redirect_uri: this.callback, state: attempt.state, nonce: attempt.nonce,
      code_challenge: createHash('sha256').update(attempt.verifier).digest('base64url'), code_challenge_method: 'S256',
    })}`;
  }

  /** Where a browser is sent to end the session at Keycloak too. */
  end(idToken: string): string {
    return `${this.issuer}/protocol/openid-connect/logout?${new URLSearchParams({ client_id: CLIENT_ID, id_token_hint: idToken, post_logout_redirect_uri: `${this.options.publicUrl}/sign-in/ended` })}`;
  }

  /** Who has signed in; undefined where Keycloak does not know the code, or a token is not for this attempt. Throws a 503 problem. */
  async finish(code: string, attempt: Attempt): Promise<Person | undefined> {
    const tokens = await this.exchange(code, attempt);
    if (!tokens) return undefined;
    const verdict = await this.options.verifier.verify(tokens.access_token);
    // It came from Keycloak itself over a connection that was verified, which stands for its signature: OpenID Connect Core 1.0, 3.1.3.7, number 6.
    const claims = IdToken.safeParse(claimsOf(tokens.id_token)).data;
    if ('rejected' in verdict || !claims) return undefined;
    const isOurs = claims.iss === this.issuer && [claims.aud].flat().includes(CLIENT_ID) && (claims.azp ?? CLIENT_ID) === CLIENT_ID
      && claims.nonce === attempt.nonce && claims.sub === verdict.caller.subject && claims.exp * 1_000 > Date.now();
    return isOurs ? { subject: claims.sub, roles: verdict.caller.roles, idToken: tokens.id_token } : undefined;
  }

  private async exchange(code: string, attempt: Attempt): Promise<z.infer<typeof Tokens> | undefined> {
    try {
      const answer = await request(`${this.options.keycloakUrl}/realms/holdfast/protocol/openid-connect/token`, {
        method: 'POST',
        dispatcher: this.options.agent,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'authorization': `Basic ${Buffer.from(`${CLIENT_ID}:${this.options.secret()}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: this.callback, code_verifier: attempt.verifier }).toString(),
      });
      const text = await answer.body.text();
      if (answer.statusCode === 400) return undefined;
      if (answer.statusCode !== 200) throw new Error(`Keycloak answered ${answer.statusCode}`);
      return Tokens.parse(JSON.parse(text));
    } catch (cause) {
      throw unavailable('identity_unavailable', 'Keycloak cannot be asked who signed in', { retryAfter_s: 2, cause });
    }
  }

  private get issuer(): string {
    return `${this.options.publicUrl}/auth/realms/holdfast`;
  }

  private get callback(): string {
    return `${this.options.publicUrl}/sign-in/callback`;
  }
}

function claimsOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
