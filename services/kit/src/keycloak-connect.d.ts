// keycloak-connect describes its Express middleware only. These are the two of its parts that token.ts uses.
declare module 'keycloak-connect/middleware/auth-utils/token.js' {
  export default class Token {
    constructor(token: string, clientId?: string);
    readonly header?: unknown;
    readonly content: Record<string, unknown>;
  }
}
declare module 'keycloak-connect/middleware/auth-utils/grant-manager.js' {
  import type Token from 'keycloak-connect/middleware/auth-utils/token.js';
  export default class GrantManager {
    constructor(config: { realmUrl: string; clientId: string; bearerOnly: boolean; verifyTokenAudience: boolean; minTimeBetweenJwksRequests: number });
    readonly rotation: { getJWK: (kid: string) => Promise<string> };
    validateToken(token: Token, expectedType: 'Bearer'): Promise<Token>;
  }
}
