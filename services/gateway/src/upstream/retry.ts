/** What to make of a request that a replica did not answer. */
export type Failure = 'not_sent' | 'lost' | 'timeout' | 'other';

const connecting = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);
const losing = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_INFO', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
const slow = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/**
 * `not_sent`: no connection was made, so the service cannot have seen the request. `lost`: it may have. Told by the codes of undici and of
 * the system; `connecting` says that the connection itself never came to be, whatever its error (a TLS handshake cut short is ECONNRESET too).
 */
export function failureOf(cause: unknown, wasConnecting: boolean): Failure {
  const code = codeOf(cause);
  if (wasConnecting || connecting.has(code)) return 'not_sent';
  if (slow.has(code)) return 'timeout';
  return losing.has(code) ? 'lost' : 'other';
}

const idempotent = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);

/** Whether the same request may be sent to another replica. Twice the same effect is worse than an error. */
export function mayRepeat(failure: Failure, method: string, hasIdempotencyKey: boolean): boolean {
  if (failure === 'not_sent') return true;
  return failure === 'lost' && (hasIdempotencyKey || idempotent.has(method));
}

function codeOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
