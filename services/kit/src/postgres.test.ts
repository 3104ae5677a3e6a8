import { describe, expect, test } from '@jest/globals';
import { translated, violatesUnique } from './postgres.ts';
import { Problem } from './problem.ts';

const failure = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });

describe('failures of the database', () => {
  test.each(['08006', '53300', '57P01', '57P03', '25006', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND'])('%s is 503 with Retry-After', (code) => {
    expect(translated(failure(code), 'users')).toMatchObject({ status: 503, code: 'database_unavailable', headers: { 'retry-after': '1' } });
  });

  test.each(['Connection terminated unexpectedly', 'timeout exceeded when trying to connect', 'Client has encountered a connection error and is not queryable'])('"%s" too', (message) => {
    expect(translated(new Error(message), 'users')).toBeInstanceOf(Problem);
  });

  test('a statement that took too long is told apart', () => {
    expect(translated(failure('57014'), 'users')).toMatchObject({ status: 503, code: 'database_timeout' });
  });

  test('a refused statement stays what it is', () => {
    const unique = Object.assign(failure('23505'), { constraint: 'people_email_key' });
    expect(translated(unique, 'users')).toBe(unique);
    expect(violatesUnique(unique, 'people_email_key')).toBe(true);
    expect(violatesUnique(unique, 'other')).toBe(false);
    expect(violatesUnique(undefined)).toBe(false);
  });
});
