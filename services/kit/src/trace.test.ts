import { describe, expect, test } from '@jest/globals';
import { continueTrace, currentTraceparent, inTrace, parseTraceparent, traceparentOf } from './trace.ts';

const header = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('trace context', () => {
  test('a trace goes on with a span of our own', () => {
    const trace = continueTrace(header);
    expect(trace.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(trace.spanId).not.toBe('00f067aa0ba902b7');
    expect(parseTraceparent(traceparentOf(trace))).toEqual(trace);
  });

  test('a later version with more fields is understood', () => {
    expect(parseTraceparent(`01${header.slice(2)}-what`)?.spanId).toBe('00f067aa0ba902b7');
  });

  test.each([
    undefined, '', 'x', `${header}-more`, header.toUpperCase(), `ff${header.slice(2)}`,
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01', '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01', `${header}\nx: y`,
  ])('%s begins a new trace', (malformed) => {
    expect(parseTraceparent(malformed)).toBeUndefined();
    expect(continueTrace(malformed).traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  test('work in a trace finds it after waiting', async () => {
    await inTrace(header, async () => {
      await new Promise(setImmediate);
      expect(currentTraceparent()).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
    });
    expect(currentTraceparent()).toBeUndefined();
  });
});
