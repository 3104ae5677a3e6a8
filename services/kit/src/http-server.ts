import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID, X509Certificate } from 'node:crypto';
import type { Server as HttpsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Type } from '@nestjs/common';
import { HealthChecks } from './health.ts';
import { configureLogging, log, NestLog } from './logging.ts';
import { authorityExpires, requestDuration } from './metrics.ts';
import type { ServiceConfig } from './service-config.ts';
import { readTls, watchTls } from './tls.ts';
import { continueTrace, inScope, traceparentOf } from './trace.ts';
import type { Scope } from './trace.ts';

export interface ServeOptions {
  /** Its name in logs and in the OpenAPI document. */
  readonly service: string;
  readonly description: string;
  /** The root module; it imports `KitModule.for(config)`. */
  readonly module: Type;
  readonly config: ServiceConfig;
  /** Bodies of any content type stay buffers: for the gateway, which does not read them. */
  readonly rawBodies?: true;
  /** The last word on Fastify before it listens. */
  configure?(fastify: FastifyInstance, app: NestFastifyApplication): Promise<void> | void;
}

declare module 'fastify' {
  interface FastifyRequest {
    scope: Scope;
  }
}

/**
 * Starts a service over HTTPS and stops it on SIGTERM: "not ready" first, for as long as callers take to notice it, then the requests in flight are finished, then the
 * modules end. A second signal says that nobody need notice: it ends that wait.
 */
export async function serve(options: ServeOptions): Promise<NestFastifyApplication> {
  const { config } = options;
  configureLogging({ service: options.service, level: config.logLevel });
  endOnUnforeseenErrors();
  const app = await createApp(options);
  const stopWatching = watchTls((identity) => {
    (app.getHttpServer() as unknown as HttpsServer).setSecureContext(identity);
    log.info('the certificate was renewed');
  }, config.secretsDirectory);
  await app.listen(config.port, '0.0.0.0');
  log.info('listening', { 'server.port': config.port });

  const noticed = new AbortController();
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return noticed.abort();
    stopping = true;
    log.info('stopping: finishing the requests in flight', { 'process.signal': signal });
    app.get(HealthChecks).drain();
    await sleep(config.drainMs, undefined, { signal: noticed.signal }).catch(() => undefined);
    stopWatching();
    await app.close();
    log.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  return app;
}

/** The application without a port: what `serve` starts and tests inject into. */
export async function createApp(options: ServeOptions): Promise<NestFastifyApplication> {
  const { config } = options;
  const adapter = new FastifyAdapter({
    // Everybody is asked for a certificate; only /metrics insists (see PeerCertificateGuard). Bearer tokens speak for people.
    https: { ...readTls(config.secretsDirectory), requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    bodyLimit: config.bodyLimitBytes,
    // One hop: the edge before the gateway, the gateway before the services. The last X-Forwarded-For entry is theirs.
    trustProxy: (_address: string, hop: number) => hop === 0,
    keepAliveTimeout: 75_000,
    requestTimeout: 30_000,
    // While it closes it still answers what arrives on open connections: that was sent in good faith.
    return503OnClosing: false,
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) => requestIdOf(request.headers['x-request-id']),
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  observe(fastify);
  authorityExpires.set(Date.parse(new X509Certificate(readTls(config.secretsDirectory).ca).validTo) / 1_000);
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, {
    logger: new NestLog(),
    abortOnError: false,
    bodyParser: options.rawBodies !== true,
  });
  if (options.rawBodies) {
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  }
  const checks = app.get(HealthChecks);
  fastify.addHook('onSend', async (_request: FastifyRequest, reply: FastifyReply) => {
    // Asks clients with open connections to come back on new ones, which then reach another replica.
    if (checks.isDraining()) reply.header('connection', 'close');
  });
  const document = describe(app, options);
  fastify.get('/openapi.json', (_request, reply) => reply.send(document));
  await options.configure?.(fastify, app);
  await app.init();
  return app;
}

function describe(app: NestFastifyApplication, options: ServeOptions): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setTitle(`Holdfast ${options.service}`)
    .setDescription(options.description)
    .setVersion('1')
    .addBearerAuth()
    .build();
  return SwaggerModule.createDocument(app, settings, { operationIdFactory: (_controller, method) => `${options.service}_${method}` });
}

/** Trace, request id, one access line and one observation a request. */
function observe(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const header = request.headers.traceparent;
    request.scope = { trace: continueTrace(typeof header === 'string' ? header : undefined), requestId: request.id };
    reply.header('x-request-id', request.id).header('traceparent', traceparentOf(request.scope.trace));
    inScope(request.scope, done);
  });
  // The body arrives in the socket's own context, in which the scope is lost: it is entered again before the handler.
  fastify.addHook('preValidation', (request, _reply, done) => inScope(request.scope, done));
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    requestDuration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    // Probes and scrapes come every few seconds, from everywhere, and say nothing.
    if (route === '/metrics' || route.startsWith('/health/')) return done();
    inScope(request.scope, () => log.info(`${request.method} ${route} ${reply.statusCode}`, {
      'event.kind': 'access',
      'event.duration': Math.round(reply.elapsedTime * 1_000_000),
      'http.request.method': request.method,
      'http.response.status_code': reply.statusCode,
      'url.path': route,
    }));
    done();
  });
}

function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[\w.-]{8,64}$/.test(header) ? header : randomUUID();
}

/** A bug that reached nobody: the state of the process is unknown, so it ends, and Docker starts it anew. */
function endOnUnforeseenErrors(): void {
  process.on('uncaughtException', (cause) => {
    log.error('the process ends: an error that nobody caught', {}, cause);
    // Leaves a moment for the line to be written; exit would cut it off.
    setTimeout(() => process.exit(70), 100);
  });
}
