import { Agent } from 'undici';
import { currentScope, traceparentOf } from './trace.ts';
import { readTls, SECRETS_DIRECTORY } from './tls.ts';

/** A connection pool that trusts our CA only and shows the service's own certificate. For `fetch` and `request` of undici. */
export function httpsAgent(options: { directory?: string; timeout_ms?: number; connections?: number } = {}): Agent {
  const timeout_ms = options.timeout_ms ?? 5_000;
  return new Agent({
    connect: { ...readTls(options.directory ?? SECRETS_DIRECTORY), timeout: timeout_ms },
    headersTimeout: timeout_ms,
    bodyTimeout: timeout_ms,
    connections: options.connections ?? 16,
  });
}

/** Headers that carry the request in hand on to the next service. */
export function outgoingHeaders(): Record<string, string> {
  const scope = currentScope();
  if (!scope) return {};
  return {
    traceparent: traceparentOf(scope.trace),
    ...(scope.requestId !== undefined && { 'x-request-id': scope.requestId }),
  };
}
