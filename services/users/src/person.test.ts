import { describe, expect, test } from '@jest/globals';
import { ChangePersonRequest, RegisterPersonRequest } from './person.ts';
import { isLeftOver } from './registration/register-person.ts';

const good = { email: 'ada@example.org', password: 'correct horse battery', given_name: 'Ada', family_name: 'Lovelace' };
const emailOf = (email: string): string | undefined => RegisterPersonRequest.safeParse({ ...good, email }).data?.email;

describe('a registration', () => {
  test('one mailbox is one person, however it is written', () => {
    expect(emailOf('  Ada@EXAMPLE.org ')).toBe('ada@example.org');
    expect(emailOf('ａｄａ@example.org')).toBe('ada@example.org');
  });

  test.each(['', 'ada', 'ada@', '@example.org', 'ada@example', 'a b@example.org', 'ada@example.org\nbcc: x', `${'a'.repeat(250)}@example.org`, 'ada@exam..ple.org'])('"%s" is no address', (email) => {
    expect(emailOf(email)).toBeUndefined();
  });

  test.each([
    [{ password: 'short' }], [{ password: 'x'.repeat(129) }], [{ given_name: ' ' }], [{ family_name: '<script>' }], [{ given_name: 'a\u0000b' }],
    [{ roles: [] }], [{ roles: ['root'] }], [{ is_admin: true }],
  ])('%j is refused', (change) => {
    expect(RegisterPersonRequest.safeParse({ ...good, ...change }).success).toBe(false);
  });

  test('the password stays as it was typed', () => {
    expect(RegisterPersonRequest.parse({ ...good, password: '  Spaces And CASE  ' }).password).toBe('  Spaces And CASE  ');
  });

  test('a change must change something, and nothing but names', () => {
    expect(ChangePersonRequest.safeParse({}).success).toBe(false);
    expect(ChangePersonRequest.safeParse({ email: 'x@example.org' }).success).toBe(false);
    expect(ChangePersonRequest.parse({ given_name: ' Ada ' })).toEqual({ given_name: 'Ada' });
  });
});

describe('what is found at Keycloak', () => {
  const begunAt = new Date('2026-01-01T12:00:00Z');
  test.each([
    ['our own, from before a crash', false, 1_000, true],
    ['an account that an administrator disabled long ago', false, -3_600_000, false],
    ['somebody who can sign in', true, 1_000, false],
  ])('%s', (_what, enabled, age_ms, leftOver) => {
    expect(isLeftOver({ enabled, createdAt_ms: begunAt.getTime() + age_ms }, begunAt)).toBe(leftOver);
  });
});
