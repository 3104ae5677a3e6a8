import { callerOf, unauthenticated } from '@holdfast/kit/authentication';
import { Problem } from '@holdfast/kit/problem';
import { problemFrom, sendProblem } from '@holdfast/kit/problem-filter';
import type { TokenVerifier } from '@holdfast/kit/token';
import { traceparentOf } from '@holdfast/kit/trace';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Denials } from './denials.ts';
import type { Allowance } from './limits/gcra.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { contentTypes, isAmbiguous, isOpen, methods, routes } from './routes.ts';
import type { Route, ServiceName } from './routes.ts';
import { forward } from './upstream/forward.ts';
import { requestHeaders, responseHeaders } from './upstream/headers.ts';
import type { Replicas } from './upstream/replicas.ts';

export interface Limits {
  readonly perSubject: number;
  readonly anonymousPerIp: number;
  readonly registrationPerIp: number;
}

/** For how much of a body a request counts as one: that of a single transfer with all its texts, or twenty of a batch without. */
const BODY_BYTES_OF_ONE = 4_096;

/**
 * What every request to the API passes: path, content type, token, limit, and then the service. Plain Fastify routes, as Nest has nothing to
 * add here: no body is read and no handler is ours, and each layer is paid by every request.
 */
export class Door {
  constructor(
    private readonly verifier: TokenVerifier,
    private readonly limiter: RateLimiter,
    private readonly denials: Denials,
    private readonly replicas: Readonly<Record<ServiceName, Replicas>>,
    private readonly limits: Limits,
  ) {}

  register(fastify: FastifyInstance): void {
    for (const route of routes) {
      const handler = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => this.pass(route, request, reply);
      fastify.route({ method: [...methods], url: route.prefix, handler });
      fastify.route({ method: [...methods], url: `${route.prefix}/*`, handler });
    }
  }

  private async pass(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      await this.admit(route, request, reply);
      await this.carry(route, request, reply);
    } catch (cause) {
      const problem = problemFrom(cause);
      if ([400, 401, 403, 415, 429].includes(problem.status)) {
        this.tellDenial(route, request, problem.status, typeof problem.members.reason === 'string' ? problem.members.reason : problem.code);
      }
      sendProblem(reply, cause);
    }
    return reply;
  }

  private async admit(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const path = pathOf(request);
    if (isAmbiguous(path)) throw new Problem({ status: 400, code: 'ambiguous_path', title: 'The path can be read in more than one way' });
    const caller = await this.callerOf(request, reply);
    const open = isOpen(route, request.method, path);
    if (caller) {
      request.scope.subject = caller.subject;
      await this.count(`subject:${caller.subject}`, this.limits.perSubject, reply, costOf(request.body as Buffer | undefined));
      // Else one account would be enough to make any number of others.
      if (open && !caller.roles.includes('admin')) await this.count(`registration:${request.ip}`, this.limits.registrationPerIp, reply);
    } else if (open) {
      await this.count(`registration:${request.ip}`, this.limits.registrationPerIp, reply);
    } else {
      await this.count(`anonymous:${request.ip}`, this.limits.anonymousPerIp, reply);
      throw unauthenticated('A bearer token is needed');
    }
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    const body = request.body as Buffer | undefined;
    if (body && body.length > 0 && (type === undefined || !contentTypes.includes(type))) {
      throw new Problem({ status: 415, code: 'unsupported_media_type', title: 'This content type is not taken here', detail: `Send ${contentTypes.join(' or ')}` });
    }
  }

  /** Tokens that do not verify cost a signature: they are limited like any other anonymous request. */
  private async callerOf(request: FastifyRequest, reply: FastifyReply): ReturnType<typeof callerOf> {
    try {
      return await callerOf(this.verifier, request.headers.authorization);
    } catch (cause) {
      if (cause instanceof Problem && cause.status === 401) await this.count(`anonymous:${request.ip}`, this.limits.anonymousPerIp, reply);
      throw cause;
    }
  }

  private async count(key: string, perMinute: number, reply: FastifyReply, cost = 1): Promise<void> {
    const allowance = await this.limiter.take(key, perMinute, cost);
    reply.headers(limitHeaders(perMinute, allowance));
    if (allowance.allowed) return;
    throw new Problem({
      status: 429,
      code: 'rate_limited',
      title: 'Too many requests',
      detail: `At most ${perMinute} a minute${cost > 1 ? `, of which this one counts for ${cost}` : ''}; the next one may be sent in ${seconds(allowance.retryAfter_ms)} s`,
      headers: { 'retry-after': seconds(allowance.retryAfter_ms) },
    });
  }

  private async carry(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const body = request.body as Buffer | undefined;
    const answer = await forward(this.replicas[route.service], {
      method: request.method,
      path: request.raw.url ?? route.prefix,
      headers: requestHeaders(request.headers, {
        'host': route.service,
        'traceparent': traceparentOf(request.scope.trace),
        'x-request-id': request.id,
        'x-forwarded-for': request.ip,
        'x-forwarded-proto': 'https',
      }),
      body: body && body.length > 0 ? body : undefined,
      timeout_ms: route.timeout_ms,
    });
    // What a role allows is known to the services, not here; who tries doors is to be heard of all the same.
    if (answer.status === 403) this.tellDenial(route, request, 403, 'forbidden');
    reply.status(answer.status).headers(responseHeaders(answer.headers));
    void reply.send(request.method === 'HEAD' ? undefined : answer.body);
  }

  private tellDenial(route: Route, request: FastifyRequest, status: number, reason: string): void {
    this.denials.tell({ reason, status, method: request.method, route: request.routeOptions.url ?? route.prefix });
  }
}

/** What a request costs behind the door grows with what it brings: a batch of a thousand is fifty or more (platform/decisions/0021). */
function costOf(body: Buffer | undefined): number {
  return Math.max(1, Math.ceil((body?.length ?? 0) / BODY_BYTES_OF_ONE));
}

function pathOf(request: FastifyRequest): string {
  return request.raw.url?.split('?', 1)[0] ?? '';
}

/** Names of draft-ietf-httpapi-ratelimit-headers-07: what clients read today. */
function limitHeaders(perMinute: number, allowance: Allowance): Record<string, string> {
  return {
    'ratelimit-limit': String(perMinute),
    'ratelimit-remaining': String(allowance.remaining),
    'ratelimit-reset': seconds(allowance.reset_ms),
  };
}

function seconds(duration_ms: number): string {
  return String(Math.max(1, Math.ceil(duration_ms / 1_000)));
}
