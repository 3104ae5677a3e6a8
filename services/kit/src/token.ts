import { hash as digestOf } from 'node:crypto';
import GrantManager from 'keycloak-connect/middleware/auth-utils/grant-manager.js';
import Token from 'keycloak-connect/middleware/auth-utils/token.js';
import { z } from 'zod';
import { unavailable } from './problem.ts';
import type { KeycloakKeys } from './keycloak-keys.ts';

/** Who calls: the subject id of the verified token and the realm roles. */
export interface Caller {
  readonly subject: string;
  readonly roles: readonly string[];
}

const Header = z.looseObject({ alg: z.literal('RS256'), kid: z.string().min(1).max(200), crit: z.undefined().optional() });
const Claims = z.looseObject({
  iss: z.string(),
  sub: z.string().min(1).max(200),
  exp: z.number(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
  realm_access: z.looseObject({ roles: z.array(z.string()) }).optional(),
});

/** Clocks of containers on one machine agree; this is for a client's token used the moment it was made on another. */
const CLOCK_SKEW_S = 5;
const TOKEN_MAX_LENGTH = 8_192;
const VERDICTS_MAX = 10_000;

export type Verdict = { readonly caller: Caller } | { readonly rejected: string };

/**
 * Verifies access tokens. keycloak-connect's GrantManager checks the signature (RSA-SHA256 only, so that neither `none` nor an HMAC made with
 * the public key passes), the type, the issuer and the audience. Around it stands what it leaves open: the algorithm and form of the header, a
 * missing `exp`, a future `nbf`, and its own fetch of keys, which is replaced by `KeycloakKeys`. See platform/decisions/.
 */
export class TokenVerifier {
  private readonly keys: KeycloakKeys;
  private readonly issuer: string;
  private readonly audience: string;
  private readonly manager: GrantManager;
  /** By the token's hash, until it expires: a signature costs 60 us, a look-up one. Oldest first. */
  private readonly verdicts = new Map<string, { caller: Caller; expires_ms: number }>();

  constructor(options: { keys: KeycloakKeys; issuer: string; audience: string }) {
    this.keys = options.keys;
    this.issuer = options.issuer;
    this.audience = options.audience;
    this.manager = new GrantManager({
      realmUrl: options.issuer,
      clientId: options.audience,
      bearerOnly: true,
      verifyTokenAudience: true,
      minTimeBetweenJwksRequests: 10,
    });
    this.manager.rotation.getJWK = async (kid: string): Promise<string> => {
      const pem = await this.keys.pemOf(kid);
      if (pem === undefined) throw new Error('unknown key');
      return pem;
    };
  }

  /** Throws only the 503 of a service that has never seen the realm's keys; whatever is wrong with a token is a verdict. */
  async verify(encoded: string): Promise<Verdict> {
    if (encoded.length > TOKEN_MAX_LENGTH) return { rejected: 'too_long' };
    const hash = digestOf('sha256', encoded, 'base64');
    const known = this.verdicts.get(hash);
    if (known) {
      if (known.expires_ms > Date.now()) return { caller: known.caller };
      this.verdicts.delete(hash);
      return { rejected: 'expired' };
    }
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(encoded)) return { rejected: 'malformed' };
    const token = new Token(encoded, this.audience);
    const header = Header.safeParse(token.header);
    const claims = Claims.safeParse(token.content);
    if (!header.success) return { rejected: 'algorithm_or_header' };
    if (!claims.success) return { rejected: 'claims' };
    const { exp, nbf, iss, sub, realm_access } = claims.data;
    const now_s = Date.now() / 1_000;
    if (exp <= now_s) return { rejected: 'expired' };
    if (nbf !== undefined && nbf > now_s + CLOCK_SKEW_S) return { rejected: 'not_yet_valid' };
    // Checked before the signature too, so that a foreign token never causes a fetch of keys.
    if (iss !== this.issuer) return { rejected: 'issuer' };
    if (![token.content.aud].flat().includes(this.audience)) return { rejected: 'audience' };
    if ((await this.keys.pemOf(header.data.kid)) === undefined) {
      if (!this.keys.haveAny()) throw unavailable('identity_unavailable', 'Tokens cannot be verified yet: Keycloak has not been reached', { retryAfter_s: 2 });
      return { rejected: 'unknown_key' };
    }
    try {
      await this.manager.validateToken(token, 'Bearer');
    } catch {
      return { rejected: 'signature_or_type' };
    }
    const caller: Caller = { subject: sub, roles: realm_access?.roles ?? [] };
    this.remember(hash, { caller, expires_ms: exp * 1_000 });
    return { caller };
  }

  private remember(hash: string, verdict: { caller: Caller; expires_ms: number }): void {
    const oldest = this.verdicts.size >= VERDICTS_MAX ? this.verdicts.keys().next() : undefined;
    if (oldest && !oldest.done) this.verdicts.delete(oldest.value);
    this.verdicts.set(hash, verdict);
  }
}
