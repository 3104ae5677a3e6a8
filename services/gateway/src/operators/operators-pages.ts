import { log } from '@holdfast/kit/logging';
import { Problem, unavailable } from '@holdfast/kit/problem';
import { traceparentOf } from '@holdfast/kit/trace';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAmbiguous } from '../routes.ts';
import { forward } from '../upstream/forward.ts';
import { requestHeaders, responseHeaders } from '../upstream/headers.ts';
import type { Replicas } from '../upstream/replicas.ts';
import { alertsPage, Alerts, silenceOf, Silences } from './alerts-page.ts';
import type { Person } from './keycloak.ts';
import { navigation, sendPage } from './pages.ts';
import type { SignIn } from './sign-in.ts';
import { isOpenAtPrometheus } from './who-may.ts';

/** A question over two weeks takes its time. */
const TIMEOUT_MS = 25_000;

export const watchers = ['prometheus', 'alertmanager'] as const;
export type Watchers = Readonly<Record<(typeof watchers)[number], Replicas>>;

/** What an operator sees without Grafana: Prometheus's own pages, and a page of ours over Alertmanager, whose package has none. */
export class OperatorsPages {
  constructor(private readonly signIn: SignIn, private readonly watchers: Watchers) {}

  register(fastify: FastifyInstance): void {
    const guard = this.signIn.guard.bind(this.signIn, fastify, 'operations');
    guard('GET', '/prometheus/', (_person, _request, reply) => void reply.redirect('/prometheus/classic/alerts', 302));
    guard(['GET', 'HEAD', 'POST'], '/prometheus/*', (_person, request, reply) => this.askPrometheus(request, reply));
    guard('GET', '/alertmanager/', (person, _request, reply) => this.showAlerts(person, reply));
    guard('POST', '/alertmanager/silences', (person, request, reply) => this.silence(person, request, reply));
    guard('POST', '/alertmanager/silences/:id/end', (_person, request, reply) => this.endSilence(request, reply));
  }

  private async askPrometheus(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const url = (request.raw.url ?? '').slice('/prometheus'.length);
    const path = url.split('?', 1)[0] ?? '';
    if (isAmbiguous(path) || !isOpenAtPrometheus(request.method, path)) {
      throw new Problem({ status: 403, code: 'forbidden', title: 'Not allowed', detail: 'Of Prometheus, its pages and its questions are open here, and nothing that changes it' });
    }
    const body = request.body as Buffer | undefined;
    const answer = await forward(this.watchers.prometheus, {
      method: request.method,
      path: url,
      // Nobody's name, token or cookie goes further: Prometheus knows the gateway by its certificate.
      headers: requestHeaders({ ...request.headers, authorization: undefined }, { host: 'prometheus', traceparent: traceparentOf(request.scope.trace) }),
      body: body && body.length > 0 ? body : undefined,
      timeout_ms: TIMEOUT_MS,
    });
    reply.status(answer.status).headers(responseHeaders(answer.headers)).header('cache-control', path.startsWith('/classic/static/') ? 'private, max-age=3600' : 'private, no-store');
    void reply.send(request.method === 'HEAD' ? undefined : answer.body);
  }

  private async showAlerts(person: Person, reply: FastifyReply): Promise<void> {
    const [alerts, silences] = await Promise.all([this.askAlertmanager('GET', '/api/v2/alerts'), this.askAlertmanager('GET', '/api/v2/silences')]);
    sendPage(reply, 200, 'Alerts and silences', `${navigation(person.roles)}\n${alertsPage(Alerts.parse(alerts), Silences.parse(silences))}`);
  }

  private async silence(person: Person, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const asked = silenceOf(new URLSearchParams((request.body as Buffer | undefined)?.toString('utf8') ?? ''), person.subject, Date.now());
    if (!asked) throw new Problem({ status: 400, code: 'invalid_request', title: 'The request does not fit its description', detail: 'A silence has the labels of an alert, 1 to 1440 minutes, and a reason' });
    await this.askAlertmanager('POST', '/api/v2/silences', asked);
    log.info('an operator silenced an alert', { 'holdfast.alert': asked.matchers.find(({ name }) => name === 'alertname')?.value, 'holdfast.until': asked.endsAt });
    reply.redirect('/alertmanager/', 303);
  }

  private async endSilence(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { id } = request.params as { id: string };
    if (!/^[0-9a-f-]{36}$/.test(id)) throw new Problem({ status: 404, code: 'not_found', title: 'There is nothing here' });
    await this.askAlertmanager('DELETE', `/api/v2/silence/${id}`);
    log.info('an operator ended a silence', { 'holdfast.silence': id });
    reply.redirect('/alertmanager/', 303);
  }

  private async askAlertmanager(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await forward(this.watchers.alertmanager, {
      method, path, headers: { 'host': 'alertmanager', 'content-type': 'application/json' },
      body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)), timeout_ms: TIMEOUT_MS,
    });
    let text = '';
    if (answer.body instanceof Buffer) text = answer.body.toString('utf8');
    else for await (const part of answer.body) text += String(part);
    if (answer.status === 404) throw new Problem({ status: 404, code: 'not_found', title: 'There is nothing here' });
    if (answer.status !== 200) throw unavailable('upstream_lost', `Alertmanager answered ${answer.status}`, { cause: new Error(text.slice(0, 200)) });
    return text === '' ? undefined : JSON.parse(text);
  }
}
