import { beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { configureLogging, log, redactText } from './logging.ts';
import { inScope } from './trace.ts';

const lines: Record<string, unknown>[] = [];
const last = (): Record<string, unknown> => lines.at(-1) ?? {};

beforeAll(() => {
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  configureLogging({ service: 'users', level: 'info', stream });
});

describe('logs', () => {
  test('a line has the names of the Elastic Common Schema, and the scope it was written in', () => {
    inScope({ trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true }, subject: 'person-1', requestId: 'request-1' }, () => {
      log.info('hello', { 'http.response.status_code': 200 });
    });
    expect(last()).toMatchObject({
      'log.level': 'info', 'message': 'hello', 'service.name': 'users', 'trace.id': 'a'.repeat(32), 'user.id': 'person-1', 'http.request.id': 'request-1', 'http.response.status_code': 200,
    });
    expect(Date.parse(String(last()['@timestamp']))).toBeGreaterThan(0);
  });

  test.each([
    ['authorization', 'Bearer abc'], ['password', 'hunter2'], ['access_token', 'value-1'], ['client_secret', 'value-2'], ['Set-Cookie', 'value-3'], ['api_key', 'value-4'],
  ])('a field named %s loses its value, at any depth', (name, value) => {
    log.info('signing in', { headers: { [name]: value }, [name]: value });
    expect(JSON.stringify(last())).not.toContain(`"${value}"`);
  });

  test('tokens and card numbers are taken out of texts, other digits stay', () => {
    expect(redactText('sent Bearer abc.def to x')).toBe('sent Bearer [redacted] to x');
    expect(redactText('got eyJhbGciOi.eyJzdWIi.c2ln here')).toBe('got [redacted] here');
    expect(redactText('paid with 4111 1111 1111 1111')).toBe('paid with [redacted]');
    expect(redactText('paid with 5500-0000-0000-0004.')).toBe('paid with [redacted].');
    expect(redactText('sequence 4111111111111112')).toBe('sequence 4111111111111112');
    expect(redactText('6ba7b810-9dad-11d1-80b4-00c04fd430c8')).toBe('6ba7b810-9dad-11d1-80b4-00c04fd430c8');
  });

  test('an error is told with its kind and stack, and without the secret in its message', () => {
    log.error('failed', {}, Object.assign(new Error('no: Bearer abcdef'), { code: 'E1' }));
    expect(last()).toMatchObject({ 'error.type': 'Error', 'error.code': 'E1', 'error.message': 'no: Bearer [redacted]' });
    expect(String(last()['error.stack_trace'])).not.toContain('abcdef');
  });

  test('the last lines of a process that ends at once are not lost', () => {
    const program = `import { log } from ${JSON.stringify(new URL('./logging.ts', import.meta.url).href)}; log.info('first'); log.info('last'); process.exit(0);`;
    const output = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program], { encoding: 'utf8' });
    expect(output.trim().split('\n').map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['first', 'last']);
  });

  test('a bigint does not sink a line', () => {
    log.info('x', { amount: 10n });
    expect(last().amount).toBe('10');
  });
});
