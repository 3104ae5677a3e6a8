import { beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { configureLogging, log } from './logging.ts';
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

  test('what must not be logged is taken out of the message, the fields and the cause', () => {
    log.error('no card 4111111111111111', { note: 'for ada@example.org' }, new Error('sent Bearer abc.def'));
    expect(last()).toMatchObject({ 'message': 'no card [redacted]', 'note': 'for [redacted]', 'error.message': 'sent Bearer [redacted]' });
    log.warn('odd', {}, 'thrown with ada@example.org');
    expect(last()).toMatchObject({ 'error.message': 'thrown with [redacted]' });
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
