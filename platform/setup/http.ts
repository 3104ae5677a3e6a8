/** An answer of an administration API; `body` is its JSON, or undefined where it sent none. */
export interface Answer<T = unknown> {
  status: number;
  body: T;
  location: string | null;
}

const TIMEOUT_MS = 20_000;

/** As `JSON.parse` takes it. */
export type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/**
 * One JSON request. TLS is verified against the private CA, which Node takes from NODE_EXTRA_CA_CERTS.
 * Throws unless the status is one of `expected`. A body that is a string is lines of JSON, as Elasticsearch takes many documents at once.
 */
export async function callJson<T = unknown>(method: string, url: string, headers: Record<string, string>, body: unknown, expected: readonly number[], reviver?: Reviver): Promise<Answer<T>> {
  const form = body instanceof URLSearchParams;
  // Its content type names the boundary of its parts, which only fetch knows.
  const parts = body instanceof FormData;
  const ndjson = typeof body === 'string';
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined || parts ? {} : { 'content-type': form ? 'application/x-www-form-urlencoded' : ndjson ? 'application/x-ndjson' : 'application/json' }) },
    ...(body === undefined ? {} : { body: form || parts || ndjson ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: Error) => {
    throw new Error(`${method} ${url}: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  const text = await response.text();
  if (!expected.includes(response.status)) throw new Error(`${method} ${url} answered ${response.status}: ${text.slice(0, 300)}`);
  return { status: response.status, body: (text ? JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]) : undefined) as T, location: response.headers.get('location') };
}
