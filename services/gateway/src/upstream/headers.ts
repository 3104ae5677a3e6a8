import type { IncomingHttpHeaders } from 'node:http';

// Hop by hop: RFC 9110, section 7.6.1. Of this hop alone, not of the request.
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

// Ours to say, or none of a service's business: cookies belong to the sign-in at the edge.
const ownRequest = new Set(['host', 'content-length', 'expect', 'cookie', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip', 'x-request-id', 'traceparent']);
const ownResponse = new Set(['x-request-id', 'traceparent', 'content-length', 'date', 'set-cookie', 'server']);

export type ForwardedHeaders = Record<string, string | string[]>;

export function requestHeaders(incoming: IncomingHttpHeaders, own: Readonly<Record<string, string>>): ForwardedHeaders {
  return { ...without(incoming, ownRequest), ...own };
}

export function responseHeaders(incoming: IncomingHttpHeaders): ForwardedHeaders {
  return without(incoming, ownResponse);
}

function without(incoming: IncomingHttpHeaders, own: ReadonlySet<string>): ForwardedHeaders {
  // A sender may name further headers that are meant for this hop only.
  const named = incoming.connection?.toLowerCase().split(',').map((name) => name.trim()) ?? [];
  const kept: ForwardedHeaders = {};
  for (const [name, value] of Object.entries(incoming)) {
    if (value !== undefined && !hopByHop.has(name) && !own.has(name) && !named.includes(name)) kept[name] = value;
  }
  return kept;
}
