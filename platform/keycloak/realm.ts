import type { SecretName } from '../components.ts';

/** The roles of people, one a person: what each may do is decided by the services. */
export const roles = {
  customer: 'holds accounts and moves own money',
  operator: 'runs the business: sees all accounts, pays money in',
  auditor: 'reads the audit trail, changes nothing',
  admin: 'administers the platform',
} as const;

export type Role = keyof typeof roles;

/** People who are there from the first day. The setup job makes them once; a password that was changed since stays. */
export const people: readonly { email: string; firstName: string; lastName: string; role: Role; passwordSecret: SecretName }[] = [
  { email: 'admin@holdfast.internal', firstName: 'Platform', lastName: 'Administrator', role: 'admin', passwordSecret: 'platform-admin-password' },
  { email: 'operator@holdfast.internal', firstName: 'Platform', lastName: 'Operator', role: 'operator', passwordSecret: 'platform-operator-password' },
  { email: 'auditor@holdfast.internal', firstName: 'Platform', lastName: 'Auditor', role: 'auditor', passwordSecret: 'platform-auditor-password' },
];

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

const guarded = {
  sslRequired: 'all',
  bruteForceProtected: true,
  permanentLockout: false,
  failureFactor: 10,
  waitIncrementSeconds: MINUTE_S,
  maxFailureWaitSeconds: 15 * MINUTE_S,
  maxDeltaTimeSeconds: 12 * HOUR_S,
  eventsEnabled: true,
  eventsExpiration: 30 * DAY_S,
  eventsListeners: ['jboss-logging'],
  adminEventsEnabled: true,
  // Details would copy every representation, passwords' hashes and personal data included, into the event table and the log.
  adminEventsDetailsEnabled: false,
} as const;

/** Settings of the realm `master`, where administrators of Keycloak itself sign in: PUT /admin/realms/master. */
export const masterSettings = { realm: 'master', ...guarded } as const;

/** Settings of the realm `holdfast`: PUT /admin/realms/holdfast. */
export const settings = {
  realm: 'holdfast',
  displayName: 'Holdfast',
  enabled: true,
  ...guarded,
  // People are registered by the users service, which keeps their profile, and sign in with their e-mail address.
  registrationAllowed: false,
  registrationEmailAsUsername: true,
  loginWithEmailAllowed: true,
  duplicateEmailsAllowed: false,
  editUsernameAllowed: false,
  // Both want a mail server, which an installation may not have.
  resetPasswordAllowed: false,
  verifyEmail: false,
  rememberMe: false,
  passwordPolicy: 'length(12) and notUsername and notEmail and passwordHistory(3)',
  defaultSignatureAlgorithm: 'RS256',
  // A stolen access token is good for five minutes; a session ends half an hour after its last use.
  accessTokenLifespan: 5 * MINUTE_S,
  ssoSessionIdleTimeout: 30 * MINUTE_S,
  ssoSessionMaxLifespan: 10 * HOUR_S,
  revokeRefreshToken: true,
  refreshTokenMaxReuse: 0,
} as const;

/** Without this audience no service takes an access token. */
const forTheApi = {
  name: 'audience of the API',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-audience-mapper',
  config: { 'included.client.audience': 'holdfast-api', 'access.token.claim': 'true', 'id.token.claim': 'false', 'introspection.token.claim': 'true' },
} as const;

const closed = {
  protocol: 'openid-connect',
  enabled: true,
  standardFlowEnabled: false,
  implicitFlowEnabled: false,
  directAccessGrantsEnabled: false,
  serviceAccountsEnabled: false,
  // A token carries the roles that the client is for, and not all that the person has.
  fullScopeAllowed: false,
  frontchannelLogout: false,
} as const;

const signsPeopleIn = {
  ...closed,
  standardFlowEnabled: true,
  // Names and addresses stay out of access tokens unless a client asks; offline tokens are not to be had.
  defaultClientScopes: ['basic', 'roles', 'web-origins', 'acr'],
  optionalClientScopes: ['profile', 'email'],
  protocolMappers: [forTheApi],
} as const;

/** Grafana asks for the roles of who signs in, and gives him those of its own by them (platform/grafana/compose.yml). */
const rolesToBeAskedFor = {
  name: 'roles of the realm',
  protocol: 'openid-connect',
  protocolMapper: 'oidc-usermodel-realm-role-mapper',
  config: { 'claim.name': 'roles', 'jsonType.label': 'String', multivalued: 'true', 'userinfo.token.claim': 'true', 'id.token.claim': 'false', 'access.token.claim': 'false' },
} as const;

const proofKey = { 'pkce.code.challenge.method': 'S256' } as const;

/**
 * Clients, each in the form of POST /admin/realms/holdfast/clients. None takes a password directly: scripts and tests that need a
 * person's token walk through the login page with the code flow of `holdfast-web`, as a browser does (platform/cli/api/sign-in.ts).
 * @param url the public address, without a slash at its end
 */
export function clients(url: string, secret: (name: SecretName) => string) {
  return [
    {
      clientId: 'holdfast-web', name: 'Holdfast', ...signsPeopleIn, publicClient: true,
      redirectUris: [`${url}/docs/*`, `${url}/v1/*`], webOrigins: ['+'],
      attributes: { ...proofKey, 'post.logout.redirect.uris': '+' },
    },
    // The services that verify tokens. It exists to be an audience and can do nothing itself.
    { clientId: 'holdfast-api', name: 'Holdfast API', ...closed, bearerOnly: true },
    {
      clientId: 'gateway', name: 'Holdfast operations', ...signsPeopleIn, publicClient: false, secret: secret('keycloak-client-gateway'),
      redirectUris: [`${url}/sign-in/callback`], webOrigins: [],
      attributes: { ...proofKey, 'post.logout.redirect.uris': `${url}/sign-in/*` },
    },
    // Its access tokens open nothing but what Keycloak says of the person: no audience of the API.
    {
      clientId: 'grafana', name: 'Grafana', ...signsPeopleIn, defaultClientScopes: [...signsPeopleIn.defaultClientScopes, ...signsPeopleIn.optionalClientScopes], optionalClientScopes: [],
      publicClient: false, secret: secret('keycloak-client-grafana'), protocolMappers: [rolesToBeAskedFor],
      redirectUris: [`${url}/grafana/login/generic_oauth`], webOrigins: [],
      attributes: { ...proofKey, 'post.logout.redirect.uris': `${url}/grafana/*` },
    },
    // Keycloak makes this one by itself, public and taking passwords, unless it finds it here.
    { clientId: 'admin-cli', name: 'closed', ...closed, enabled: false, publicClient: true },
    // Registers people. Its account may manage people and nothing else of the realm.
    {
      clientId: 'users', name: 'users service', ...closed, publicClient: false, serviceAccountsEnabled: true, secret: secret('keycloak-client-users'),
      defaultClientScopes: ['basic', 'roles', 'acr'], optionalClientScopes: [],
      attributes: { 'access.token.lifespan': String(MINUTE_S) },
    },
  ];
}

/** In the realm `master`, as what happens there, sign-ins of administrators, is for the audit trail too. An hour, so that its own sign-ins do not fill the trail. */
export function auditClient(secret: (name: SecretName) => string) {
  return {
    clientId: 'audit', name: 'audit service', ...closed, publicClient: false, serviceAccountsEnabled: true, fullScopeAllowed: true, secret: secret('keycloak-client-audit'),
    attributes: { 'access.token.lifespan': String(HOUR_S) },
  };
}

const managesPeople = ['manage-users', 'view-users', 'query-users'] as const;

/** The whole realm as it is when it is made: POST /admin/realms. An existing one gets `settings`, `clients` and `roles` one by one. */
export function realm(url: string, secret: (name: SecretName) => string) {
  const everyRole = Object.keys(roles);
  return {
    ...settings,
    roles: { realm: Object.entries(roles).map(([name, description]) => ({ name, description })) },
    clients: clients(url, secret),
    scopeMappings: ['holdfast-web', 'gateway', 'grafana'].map((client) => ({ client, roles: everyRole })),
    clientScopeMappings: { 'realm-management': [{ client: 'users', roles: managesPeople }] },
    users: [{ username: 'service-account-users', enabled: true, serviceAccountClientId: 'users', clientRoles: { 'realm-management': managesPeople } }],
  };
}
