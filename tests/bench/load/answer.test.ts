import { describe, expect, test } from '@jest/globals';
import { countItems, framed } from './answer.ts';

const answer = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

describe('an answer on the wire', () => {
  test('is not taken for whole while its headers are on their way', () => {
    expect(framed(answer('HTTP/1.1 201 Created\ncontent-length: 2\n'))).toBeUndefined();
  });

  test('has the length that it declares, however the name is written', () => {
    expect(framed(answer('HTTP/1.1 201 Created\nContent-Length: 2\n\n{}'))).toEqual({ status: 201, length: 45, bodyAt: 43, closes: false });
    expect(framed(answer('HTTP/1.1 503 Busy\ncontent-length:0\nconnection: close\n\n'))).toMatchObject({ status: 503, closes: true });
  });

  test('without a length, or in another protocol, is refused rather than guessed', () => {
    expect(() => framed(answer('HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n0\n\n'))).toThrow('without a length');
    expect(() => framed(answer('SSH-2.0-x\n\n'))).toThrow('no HTTP/1.1');
  });

  test('of a batch tells how many were posted, at once or on their way, and not how many there are', () => {
    const items = [{ status: 201, code: null }, { status: 422, code: 'exceeds_balance' }, { status: 202, code: null }, { status: 503, code: 'database_timeout' }, { status: 201, code: null }];
    expect(countItems(Buffer.from(JSON.stringify({ items })))).toEqual({ posted: 3, unknown: 1 });
    expect(countItems(Buffer.from('{"items":[]}'))).toEqual({ posted: 0, unknown: 0 });
  });
});
