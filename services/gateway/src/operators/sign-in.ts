import { Problem } from '@holdfast/kit/problem';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomBytes } from 'node:crypto';
import { sendProblem } from '@holdfast/kit/problem-filter';
import type { RateLimiter } from '../limits/rate-limiter.ts';
import type { Attempt, Person, SignInProvider } from './keycloak.ts';
import { navigation, sendPage, SIGN_OUT } from './pages.ts';
import { seal, unseal } from './sealed.ts';
import { cookieOf, isFromHere, isOpenTo, isPage, returnPath, type Area } from './who-may.ts';

/**
 * After this the browser goes through Keycloak again, unseen while the person's session lasts there: who has lost the role, or was signed out by an
 * administrator, is out by then.
 */
const SESSION_MS = 10 * 60_000;
const ATTEMPT_MS = 10 * 60_000;

// __Host-: only over TLS, only from this host, for no other (RFC 6265bis).
const SESSION = '__Host-holdfast-operator';
const ATTEMPT = '__Host-holdfast-sign-in';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';

const refusals: Readonly<Record<Area, { readonly title: string; readonly role: string }>> = {
  operations: { title: 'These pages are for operators', role: 'operator' },
  records: { title: 'These pages are for auditors', role: 'auditor' },
};

/** Signs operators and auditors in by Keycloak, and keeps it in a cookie that only the gateway can open (platform/decisions/0022). */
export class SignIn {
  constructor(private readonly options: {
    readonly provider: SignInProvider;
    readonly limiter: Pick<RateLimiter, 'take'>;
    readonly callbacksPerIpPerMinute: number;
    readonly secret: () => string;
    readonly publicUrl: string;
  }) {}

  register(fastify: FastifyInstance): void {
    fastify.get('/sign-in/', answering((request, reply) => {
      const roles = this.personOf(request)?.roles ?? [];
      const person = this.admit(isOpenTo('records', roles) ? 'records' : 'operations', request, reply);
      if (person) sendPage(reply, 200, 'Operations', navigation(person.roles));
    }));
    fastify.get('/sign-in/callback', answering((request, reply) => this.callback(request, reply)));
    fastify.post('/sign-in/out', answering((request, reply) => this.signOut(request, reply)));
    fastify.get('/sign-in/ended', answering((_request, reply) => void sendPage(reply, 200, 'You are signed out', '<p><a href="/sign-in/">Sign in again</a></p>')));
  }

  /** A route for those to whom the area is open. */
  guard(fastify: FastifyInstance, area: Area, method: Method | Method[], url: string, handle: (person: Person, request: FastifyRequest, reply: FastifyReply) => Promise<void> | void): void {
    fastify.route({ method, url, exposeHeadRoute: false, handler: answering(async (request, reply) => {
      const person = this.admit(area, request, reply);
      if (person) await handle(person, request, reply);
    }) });
  }

  /**
   * Lets somebody through to whom the area is open, and who is returned. Anybody else has been answered: a page sends to sign in, or says that it is not for him; a program gets 401 or 403.
   * Throws a 403 problem for a request that would change something and does not come from a page of ours.
   */
  private admit(area: Area, request: FastifyRequest, reply: FastifyReply): Person | undefined {
    const person = this.personOf(request);
    const page = isPage(request.method, request.headers);
    if (!person) {
      if (page) this.begin(request, reply);
      else sendProblem(reply, new Problem({ status: 401, code: 'unauthenticated', title: 'Who calls is not known', detail: `Sign in at ${this.options.publicUrl}/sign-in/` }));
      return undefined;
    }
    request.scope.subject = person.subject;
    if (!isOpenTo(area, person.roles)) {
      if (page) this.refuse(area, person, reply);
      else sendProblem(reply, new Problem({ status: 403, code: 'forbidden', title: 'Not allowed', detail: refusals[area].title }));
      return undefined;
    }
    if (!['GET', 'HEAD'].includes(request.method)) this.demandOwnOrigin(request);
    return person;
  }

  private begin(request: FastifyRequest, reply: FastifyReply): void {
    const random = (): string => randomBytes(32).toString('base64url');
    const attempt: Attempt = { state: random(), nonce: random(), verifier: random(), returnTo: returnPath(request.raw.url) };
    const cookie = `${ATTEMPT}=${seal(this.options.secret(), 'sign-in', attempt, Date.now() + ATTEMPT_MS)}; ${ATTRIBUTES}; Max-Age=${ATTEMPT_MS / 1_000}`;
    reply.header('set-cookie', cookie).header('cache-control', 'no-store').redirect(this.options.provider.begin(attempt), 302);
  }

  private async callback(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { code, state } = request.query as Record<string, unknown>;
    const sealed = cookieOf(request.headers, ATTEMPT);
    const attempt = sealed === undefined ? undefined : unseal(this.options.secret(), 'sign-in', sealed) as Attempt | undefined;
    const { allowed } = await this.options.limiter.take(`sign-in:${request.ip}`, this.options.callbacksPerIpPerMinute);
    if (!allowed) throw new Problem({ status: 429, code: 'rate_limited', title: 'Too many requests', headers: { 'retry-after': '10' } });
    const person = attempt && typeof code === 'string' && state === attempt.state ? await this.options.provider.finish(code, attempt) : undefined;
    if (!attempt || !person) {
      sendPage(reply, 400, 'The sign-in did not succeed', '<p>It took too long, or was not begun in this browser. <a href="/sign-in/">Begin again</a></p>');
      return;
    }
    const session = `${SESSION}=${seal(this.options.secret(), 'session', person, Date.now() + SESSION_MS)}; ${ATTRIBUTES}`;
    reply.header('set-cookie', [session, cleared(ATTEMPT)]).header('cache-control', 'no-store').redirect(returnPath(attempt.returnTo), 303);
  }

  private signOut(request: FastifyRequest, reply: FastifyReply): void {
    this.demandOwnOrigin(request);
    const person = this.personOf(request);
    reply.header('set-cookie', cleared(SESSION)).header('cache-control', 'no-store').redirect(person ? this.options.provider.end(person.idToken) : '/sign-in/ended', 303);
  }

  private personOf(request: FastifyRequest): Person | undefined {
    const sealed = cookieOf(request.headers, SESSION);
    return sealed === undefined ? undefined : unseal(this.options.secret(), 'session', sealed) as Person | undefined;
  }

  private demandOwnOrigin(request: FastifyRequest): void {
    if (isFromHere(request.headers, new URL(this.options.publicUrl).origin)) return;
    throw new Problem({ status: 403, code: 'forbidden', title: 'Not allowed', detail: 'This request does not come from a page of the platform' });
  }

  private refuse(area: Area, person: Person, reply: FastifyReply): void {
    const { title, role } = refusals[area];
    const others = isOpenTo('operations', person.roles) || isOpenTo('records', person.roles) ? navigation(person.roles) : SIGN_OUT;
    sendPage(reply, 403, title, `<p>You are signed in, without the role "${role}". If you are one, ask the administrator of the platform for it, and sign out and in again.</p>${others}`);
  }
}

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/** Plain Fastify routes: what they throw becomes a problem here. */
function answering(handle: (request: FastifyRequest, reply: FastifyReply) => Promise<void> | void) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    try {
      await handle(request, reply);
    } catch (cause) {
      sendProblem(reply, cause);
    }
    return reply;
  };
}

function cleared(name: string): string {
  return `${name}=; ${ATTRIBUTES}; Max-Age=0`;
}
