import type { SecretName } from '../components.ts';

/**
 * The access list of Redis: one user a client, each confined to its own key prefix and to the commands it needs: none that works
 * on all keys at once, as FLUSHALL and KEYS do whatever the prefix says. The default user is off. `healthcheck` and `metrics` have none: the certificate is what lets them
 * in, and they see figures at most. Redis stores SHA-256 of each
 * password, so the list holds no secret in clear.
 */
export function redisAccessList(sha256Of: (secret: SecretName) => string): string {
  return [
    'user default off sanitize-payload resetchannels -@all',
    'user healthcheck on nopass resetkeys resetchannels -@all +ping',
    'user metrics on nopass sanitize-payload resetkeys resetchannels -@all +ping +info +slowlog|len +latency|latest',
    `user gateway on #${sha256Of('redis-gateway-password')} ~gateway:* resetchannels -@all +@read +@write +@connection +eval +evalsha +script|load +script|exists +time -@dangerous -scan -randomkey -dbsize +info`,
    `user reporting on #${sha256Of('redis-reporting-password')} ~reporting:* resetchannels -@all +@read +@write +@connection -@dangerous -scan -randomkey -dbsize +info`,
    '',
  ].join('\n');
}
