import { describe, expect, test } from '@jest/globals';
import { requestHeaders, responseHeaders } from './headers.ts';

describe('headers', () => {
  test('what is of this hop stays here, named ones too', () => {
    expect(requestHeaders({
      'connection': 'keep-alive, X-Secret-Hop', 'x-secret-hop': '1', 'keep-alive': 'timeout=5', 'te': 'trailers', 'transfer-encoding': 'chunked',
      'upgrade': 'h2c', 'proxy-authorization': 'x', 'host': 'bank.example', 'content-length': '5', 'expect': '100-continue',
      'authorization': 'Bearer x', 'idempotency-key': 'k', 'content-type': 'application/json',
    }, {})).toEqual({ 'authorization': 'Bearer x', 'idempotency-key': 'k', 'content-type': 'application/json' });
  });

  test('a client cannot say where it comes from, nor bring cookies', () => {
    expect(requestHeaders({ 'x-forwarded-for': '1.2.3.4', 'forwarded': 'for=1.2.3.4', 'x-real-ip': '1.2.3.4', 'cookie': 'a=b', 'x-request-id': 'theirs' }, { 'x-forwarded-for': '10.0.0.1', 'x-request-id': 'ours' }))
      .toEqual({ 'x-forwarded-for': '10.0.0.1', 'x-request-id': 'ours' });
  });

  test('an answer keeps its own headers', () => {
    expect(responseHeaders({ 'content-type': 'application/problem+json', 'retry-after': '1', 'connection': 'close', 'date': 'x', 'set-cookie': ['a=b'] }))
      .toEqual({ 'content-type': 'application/problem+json', 'retry-after': '1' });
  });
});
