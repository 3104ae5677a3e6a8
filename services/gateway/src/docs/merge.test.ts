import { expect, test } from '@jest/globals';
import { merged } from './merge.ts';

test('one description: only what is let in, under the name of its service, signed in at the public address', () => {
  const document = merged({
    users: { paths: { '/v1/users': { post: { summary: 'open' } }, '/v1/users/me': { get: { security: [{ bearer: [] }] } }, '/health/ready': { get: {} } } },
    audit: { paths: { '/v1/auditors': { get: {} } } },
  }, { publicUrl: 'https://bank.example', prefixes: ['/v1/users', '/v1/audit'] }) as { paths: Record<string, Record<string, Record<string, unknown>>> };
  expect(Object.keys(document.paths)).toEqual(['/v1/users', '/v1/users/me']);
  expect(document.paths['/v1/users']!.post).toEqual({ summary: 'open', tags: ['users'] });
  expect(document.paths['/v1/users/me']!.get!.security).toEqual([{ signIn: [] }, { bearer: [] }]);
  expect(JSON.stringify(document)).toContain('https://bank.example/auth/realms/holdfast/protocol/openid-connect/auth');
});
