import { Problem, unavailable } from '@holdfast/kit/problem';
import { counter } from '@holdfast/kit/metrics';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { ForwardedHeaders } from './headers.ts';
import type { Replica, Replicas } from './replicas.ts';
import { failureOf, mayRepeat } from './retry.ts';

const ATTEMPTS_MAX = 4;
/** With one replica only, a moment to let it come back (a restart, a lost connection) before it is asked again. */
const PAUSE_MS = 150;
/** Up to here an answer is passed on whole, which costs less than a stream. */
const WHOLE_MAX_BYTES = 262_144;

const repeats = counter('gateway_upstream_repeats_total', 'Requests sent again to a replica, by service and what had failed', ['service', 'failure']);

export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: ForwardedHeaders;
  readonly body: Buffer | undefined;
  readonly timeout_ms: number;
}

export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | Readable;
}

/** Sends a request to a replica of a service, and to another one if that is safe. Throws 503 and 504 problems. */
export async function forward(replicas: Replicas, outgoing: Outgoing): Promise<Incoming> {
  const deadline_ms = performance.now() + outgoing.timeout_ms;
  const asked = new Set<Replica>();
  let last: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX && performance.now() < deadline_ms; attempt++) {
    const order = replicas.inOrder();
    const replica = order.find((candidate) => !asked.has(candidate)) ?? order[0];
    if (!replica || asked.has(replica)) await sleep(PAUSE_MS);
    if (!replica) continue;
    asked.add(replica);
    replica.inFlight++;
    try {
      return await send(replica, outgoing, Math.max(1, deadline_ms - performance.now()));
    } catch (cause) {
      last = cause;
      const failure = failureOf(cause, typeof cause === 'object' && cause !== null && replica.connectErrors.has(cause));
      if (failure !== 'timeout') replicas.shun(replica);
      if (failure === 'timeout') throw tooSlow(replicas.service, cause);
      if (!mayRepeat(failure, outgoing.method, outgoing.headers['idempotency-key'] !== undefined)) {
        throw unavailable('upstream_lost', `The connection to ${replicas.service} broke: whether the request was done is not known`, { cause });
      }
      repeats.inc({ service: replicas.service, failure });
    } finally {
      replica.inFlight--;
    }
  }
  throw unavailable('upstream_unavailable', `No replica of ${replicas.service} can be reached`, { cause: last });
}

function send(replica: Replica, outgoing: Outgoing, timeout_ms: number): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    const { method, path, headers, body = null } = outgoing;
    replica.pool.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers, body, headersTimeout: timeout_ms, bodyTimeout: timeout_ms },
      new Answer(resolve, reject),
    );
  });
}

/** Takes an answer as it comes off the connection. undici's own `request` makes a stream of every body, which a small one does not need. */
class Answer implements Dispatcher.DispatchHandler {
  private readonly resolve: (answer: Incoming) => void;
  private readonly reject: (cause: Error) => void;
  private status = 0;
  private headers: IncomingHttpHeaders = {};
  private readonly parts: Buffer[] = [];
  private stream: Readable | undefined;

  constructor(resolve: (answer: Incoming) => void, reject: (cause: Error) => void) {
    this.resolve = resolve;
    this.reject = reject;
  }

  onRequestStart(): void {
    // Nothing to do before there is an answer.
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    const length = Number(headers['content-length']);
    if (Number.isInteger(length) && length <= WHOLE_MAX_BYTES) return;
    this.stream = new Readable({
      read: () => controller.resume(),
      // The client has gone: nobody reads the rest.
      destroy: (cause, done) => {
        if (!this.stream?.readableEnded) controller.abort(cause ?? new Error('the answer is not wanted any more'));
        done(cause);
      },
    });
    this.resolve({ status, headers, body: this.stream });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.stream) this.parts.push(chunk);
    else if (!this.stream.push(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.stream) this.stream.push(null);
    else this.resolve({ status: this.status, headers: this.headers, body: this.parts.length === 1 ? this.parts[0] as Buffer : Buffer.concat(this.parts) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.stream) this.stream.destroy(cause);
    else this.reject(cause);
  }
}

function tooSlow(service: string, cause: unknown): Problem {
  return new Problem({ status: 504, code: 'upstream_timeout', title: `${service} took too long to answer`, cause });
}
