import { log } from '@holdfast/kit/logging';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { createReadStream, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { routes } from '../routes.ts';
import type { ServiceName } from '../routes.ts';
import { forward } from '../upstream/forward.ts';
import type { Replicas } from '../upstream/replicas.ts';
import { merged } from './merge.ts';
import type { OpenApi } from './merge.ts';

const FRESH_MS = 60_000;
const TIMEOUT_MS = 2_000;

/** What Swagger UI's page loads. Its source maps, twice as large again, stay behind. */
const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'oauth2-redirect.html': 'text/html; charset=utf-8',
  'oauth2-redirect.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Holdfast API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
`;

// Everything is ours and in files, but for the styles that Swagger UI writes into elements.
const SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/** One OpenAPI document of all services, and Swagger UI to try it with one's own sign-in. */
export class Docs {
  private readonly documents: Partial<Record<ServiceName, { document: OpenApi; fetched_ms: number }>> = {};

  constructor(private readonly replicas: Readonly<Record<ServiceName, Replicas>>, private readonly publicUrl: string) {}

  register(fastify: FastifyInstance): void {
    const start = `window.ui = SwaggerUIBundle(${JSON.stringify({
      url: '/docs/openapi.json',
      dom_id: '#swagger-ui',
      deepLinking: true,
      persistAuthorization: false,
      oauth2RedirectUrl: `${this.publicUrl}/docs/oauth2-redirect.html`,
    })});\nwindow.ui.initOAuth(${JSON.stringify({ clientId: 'holdfast-web', scopes: 'openid', usePkceWithAuthorizationCodeGrant: true })});\n`;
    fastify.get('/docs', (_request, reply) => reply.redirect('/docs/', 308));
    fastify.get('/docs/', (_request, reply) => send(reply, 'text/html; charset=utf-8', PAGE));
    fastify.get('/docs/start.js', (_request, reply) => send(reply, 'text/javascript; charset=utf-8', start));
    fastify.get('/docs/openapi.json', async (_request, reply) => send(reply, 'application/json; charset=utf-8', JSON.stringify(await this.document())));
    const directory = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
    for (const [name, type] of Object.entries(assets)) {
      const path = join(directory, name);
      const size_bytes = statSync(path).size;
      fastify.get(`/docs/${name}`, (_request, reply) =>
        send(reply.header('cache-control', 'public, max-age=3600').header('content-length', size_bytes), type, createReadStream(path)));
    }
  }

  /** What the services say of themselves, at most a minute old; of one that is away, what it last said. */
  async document(): Promise<Record<string, unknown>> {
    await Promise.all((Object.keys(this.replicas) as ServiceName[]).map((service) => this.refresh(service)));
    const present = Object.fromEntries(Object.entries(this.documents).map(([service, { document }]) => [service, document]));
    return merged(present, { publicUrl: this.publicUrl, prefixes: routes.map((route) => route.prefix) });
  }

  private async refresh(service: ServiceName): Promise<void> {
    const known = this.documents[service];
    if (known && performance.now() - known.fetched_ms < FRESH_MS) return;
    try {
      const answer = await forward(this.replicas[service], {
        method: 'GET',
        path: '/openapi.json',
        headers: { host: service },
        body: undefined,
        timeout_ms: TIMEOUT_MS,
      });
      if (answer.status !== 200 || !(answer.body instanceof Buffer)) throw new Error(`${service} answered ${answer.status}`);
      this.documents[service] = { document: JSON.parse(answer.body.toString('utf8')) as OpenApi, fetched_ms: performance.now() };
    } catch (cause) {
      log.warn('the description of a service cannot be read', { 'holdfast.service': service }, cause);
    }
  }
}

function send(reply: FastifyReply, type: string, body: string | NodeJS.ReadableStream): FastifyReply {
  return reply
    .type(type)
    .headers({ 'content-security-policy': SECURITY_POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    .send(body);
}
