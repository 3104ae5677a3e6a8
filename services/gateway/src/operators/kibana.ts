import { Problem } from '@holdfast/kit/problem';
import { problemFrom } from '@holdfast/kit/problem-filter';
import { traceparentOf } from '@holdfast/kit/trace';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAmbiguous } from '../routes.ts';
import { forward } from '../upstream/forward.ts';
import { requestHeaders, responseHeaders } from '../upstream/headers.ts';
import type { Replicas } from '../upstream/replicas.ts';
import { sendPage } from './pages.ts';
import type { SignIn } from './sign-in.ts';
import { isPage } from './who-may.ts';

const TIMEOUT_MS = 25_000;

const AWAY = `<p>Kibana exists only as its vendor's image, and it is not running here: its image is not installed, or it is still starting.</p>
<p>The audit trail does not need it: <code>./holdfast audit export</code> writes all of it, and <code>./holdfast audit verify</code> proves that nobody changed it.
<code>./holdfast status</code> says whether the image is there; load it from the bundle or make a registry reachable, then run <code>./holdfast up</code> again.</p>`;

/**
 * Kibana for auditors. Its own sign-in by OpenID Connect wants a paid licence: so who has signed in at the platform goes through as its user "reader", who can look and
 * change nothing, and whose password nobody has to know. Who he is stands in our own log.
 */
export class Kibana {
  constructor(private readonly signIn: SignIn, private readonly replicas: Replicas, private readonly readerPassword: () => string) {}

  register(fastify: FastifyInstance): void {
    this.signIn.guard(fastify, 'records', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'], '/kibana/*', (_person, request, reply) => this.pass(request, reply));
  }

  private async pass(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const path = request.raw.url ?? '';
    if (isAmbiguous(path.split('?', 1)[0] ?? '')) throw new Problem({ status: 400, code: 'ambiguous_path', title: 'The path can be read in more than one way' });
    const body = request.body as Buffer | undefined;
    try {
      const answer = await forward(this.replicas, {
        method: request.method,
        path,
        headers: requestHeaders(request.headers, {
          host: 'kibana', traceparent: traceparentOf(request.scope.trace), authorization: `Basic ${Buffer.from(`reader:${this.readerPassword()}`).toString('base64')}`,
        }),
        body: body && body.length > 0 ? body : undefined,
        timeout_ms: TIMEOUT_MS,
      });
      reply.status(answer.status).headers(responseHeaders(answer.headers));
      void reply.send(request.method === 'HEAD' ? undefined : answer.body);
    } catch (cause) {
      if (problemFrom(cause).code !== 'upstream_unavailable' || !isPage(request.method, request.headers)) throw cause;
      sendPage(reply.header('retry-after', '30'), 503, 'Kibana is not running', AWAY);
    }
  }
}
