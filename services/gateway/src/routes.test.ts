import { describe, expect, test } from '@jest/globals';
import { isAmbiguous, isOpen, routes } from './routes.ts';

const users = routes.find((route) => route.service === 'users')!;

describe('routes', () => {
  test('only registration is open', () => {
    expect(isOpen(users, 'POST', '/v1/users')).toBe(true);
    expect(isOpen(users, 'POST', '/v1/users/me')).toBe(false);
    expect(isOpen(users, 'GET', '/v1/users')).toBe(false);
    expect(routes.filter((route) => route.open)).toEqual([users]);
  });

  test('neither metrics nor health of a service is let in', () => {
    expect(routes.every((route) => /^\/v1\/[a-z]+$/.test(route.prefix))).toBe(true);
  });

  test.each(['/v1/users/../../metrics', '/v1/users/..', '/v1/users/./me', '/v1//users', '/v1/users/%2e%2e/metrics', '/v1/users%2Fme', '/v1/users\\me', '/v1/users/%5c', '/v1/users/a%00'])('%s is ambiguous', (path) => {
    expect(isAmbiguous(path)).toBe(true);
  });

  test.each(['/v1/users/me', '/v1/transfers/0b8e-1..2', '/v1/accounts/a.b', '/v1/reports/x%20y'])('%s is not', (path) => {
    expect(isAmbiguous(path)).toBe(false);
  });
});
