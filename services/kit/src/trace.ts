import { AsyncLocalStorage } from 'node:async_hooks';
import { randomView } from './random.ts';

/** W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/): 16 and 8 bytes, lower-case hexadecimal. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** What belongs to the request or event in hand and is found by whoever logs, publishes or queries meanwhile. */
export interface Scope {
  readonly trace: Trace;
  /** Subject id of the caller, once the token is verified. */
  subject?: string;
  readonly requestId?: string;
}

const scopes = new AsyncLocalStorage<Scope>();

export function currentScope(): Scope | undefined {
  return scopes.getStore();
}

export function currentTrace(): Trace | undefined {
  return scopes.getStore()?.trace;
}

export function inScope<T>(scope: Scope, work: () => T): T {
  return scopes.run(scope, work);
}

/** Runs work that no request began (a timer, a consumed event) in a trace of its own or in the one it carries on. */
export function inTrace<T>(traceparent: string | undefined, work: () => T): T {
  return scopes.run({ trace: continueTrace(traceparent) }, work);
}

/** The caller's trace with a span of our own, or a new trace if it sent none or a malformed one. */
export function continueTrace(traceparent: string | undefined): Trace {
  const parent = parseTraceparent(traceparent);
  return {
    traceId: parent?.traceId ?? randomView(16).toString('hex'),
    spanId: randomView(8).toString('hex'),
    sampled: parent?.sampled ?? true,
  };
}

export function parseTraceparent(header: string | undefined): Trace | undefined {
  // A version above 00 may append fields; ff is invalid, as are ids of zeros only.
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header ?? '');
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, more] = match as unknown as [string, string, string, string, string, string | undefined];
  if (version === 'ff' || (version === '00' && more !== undefined) || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The header to send on: to another service, with an event, in an SQL comment. */
export function traceparentOf(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

/** That of the request in hand, if there is one. */
export function currentTraceparent(): string | undefined {
  const trace = currentTrace();
  return trace && traceparentOf(trace);
}
