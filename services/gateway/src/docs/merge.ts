/** As much of an OpenAPI document as merging needs. */
export interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/**
 * One document out of the services' own, each under a tag of its name. Only paths that the gateway lets in appear. Sign-in is Keycloak's, at the
 * public address, by authorization code with PKCE.
 */
export function merged(documents: Readonly<Record<string, OpenApi>>, options: { publicUrl: string; prefixes: readonly string[] }): Record<string, unknown> {
  const paths: Record<string, unknown> = {};
  const schemas: Record<string, unknown> = {};
  for (const [service, document] of Object.entries(documents)) {
    for (const [path, operations] of Object.entries(document.paths ?? {})) {
      if (!options.prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))) continue;
      paths[path] = Object.fromEntries(
        Object.entries(operations).map(([method, operation]) => [method, { ...operation, tags: [service], ...('security' in operation && { security: [{ signIn: [] }, { bearer: [] }] }) }]),
      );
    }
    Object.assign(schemas, document.components?.schemas);
  }
  const realm = `${options.publicUrl}/auth/realms/holdfast/protocol/openid-connect`;
  return {
    openapi: '3.0.3',
    info: { title: 'Holdfast', version: '1', description: 'Money is a string of minor units; failures are RFC 9457 problem details with a stable `code`.' },
    servers: [{ url: options.publicUrl }],
    tags: Object.keys(documents).map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        signIn: { type: 'oauth2', flows: { authorizationCode: { authorizationUrl: `${realm}/auth`, tokenUrl: `${realm}/token`, scopes: { openid: 'Sign in' } } } },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
    },
  };
}
