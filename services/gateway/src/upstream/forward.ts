import { Problem, unavailable } from '@holdfast/kit/problem';
import { counter } from '@holdfast/kit/metrics';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
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

async function send(replica: Replica, outgoing: Outgoing, timeout_ms: number): Promise<Incoming> {
  const answer = await replica.pool.request({
    method: outgoing.method as Dispatcher.HttpMethod,
    path: outgoing.path,
    headers: outgoing.headers,
    body: outgoing.body ?? null,
    headersTimeout: timeout_ms,
    bodyTimeout: timeout_ms,
  });
  const length = Number(answer.headers['content-length']);
  const whole = Number.isInteger(length) && length <= WHOLE_MAX_BYTES;
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: whole ? Buffer.from(await answer.body.arrayBuffer()) : answer.body,
  };
}

function tooSlow(service: string, cause: unknown): Problem {
  return new Problem({ status: 504, code: 'upstream_timeout', title: `${service} took too long to answer`, cause });
}
