import { randomUUID } from 'node:crypto';
import { Edge, type HttpAnswer } from './https.ts';
import type { Instance } from '../instance.ts';
import { signIn } from './sign-in.ts';

export interface ApiAnswer<T = Record<string, unknown>> {
  status: number;
  headers: HttpAnswer['headers'];
  body: T;
}

/** One person (or nobody) at the API. */
export class ApiClient {
  readonly edge: Edge;
  private readonly token: string | undefined;

  constructor(edge: Edge, token?: string) {
    this.edge = edge;
    this.token = token;
  }

  static anonymous(instance: Instance): ApiClient {
    return new ApiClient(new Edge(instance));
  }

  async signedIn(email: string, password: string): Promise<ApiClient> {
    return new ApiClient(this.edge, await signIn(this.edge, email, password));
  }

  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer<T>> {
    return this.callWithText<T>(method, path, body === undefined ? undefined : JSON.stringify(body), headers);
  }

  /** With a body as it is, JSON or not. */
  async callWithText<T = Record<string, unknown>>(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<ApiAnswer<T>> {
    const answer = await this.edge.call(path, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, body: parse(answer) as T };
  }

  /** A call that must succeed; the error carries what the platform answered. */
  async must<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const answer = await this.call<T>(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 400)}`);
    return answer.body;
  }

  register(person: { email: string; given_name: string; family_name: string; password: string }): Promise<ApiAnswer> {
    return this.call('POST', '/v1/users', person);
  }

  async openAccount(currency: string): Promise<string> {
    return (await this.must<{ id: string }>('POST', '/v1/accounts', { currency })).id;
  }

  /** Operators only: pays `amountMinor` in from the outside world. */
  deposit(accountId: string, amountMinor: bigint, key = randomUUID()): Promise<unknown> {
    return this.must('POST', `/v1/accounts/${accountId}/deposits`, { amount: String(amountMinor) }, { 'idempotency-key': key });
  }

  /** Everything that moves money: under a key of its own, unless one is given to be used again. */
  post<T = { id: string; code?: string }>(path: string, body: unknown = {}, key = randomUUID()): Promise<ApiAnswer<T>> {
    return this.call<T>('POST', path, body, { 'idempotency-key': key });
  }

  hold(hold: { from: string; to: string; amountMinor: bigint; currency: string; expires_at?: string }, key = randomUUID()): Promise<ApiAnswer<{ id: string; code?: string }>> {
    const { from, to, amountMinor, ...rest } = hold;
    return this.post('/v1/holds', { debit_account: from, credit_account: to, amount: String(amountMinor), ...rest }, key);
  }

  transfer(transfer: { from: string; to: string; amountMinor: bigint; currency: string }, key = randomUUID(), headers: Record<string, string> = {}): Promise<ApiAnswer<{ id: string; code?: string }>> {
    const body = { debit_account: transfer.from, credit_account: transfer.to, amount: String(transfer.amountMinor), currency: transfer.currency };
    return this.call('POST', '/v1/transfers', body, { 'idempotency-key': key, ...headers });
  }
}

function parse(answer: HttpAnswer): unknown {
  if (!String(answer.headers['content-type'] ?? '').includes('json')) return answer.text;
  return answer.text === '' ? undefined : JSON.parse(answer.text);
}
