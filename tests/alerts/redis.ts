import { run } from '../../platform/cli/run.ts';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import type { Platform } from '../kit/platform.ts';

/** A script in the container of Redis, in which `r` asks as the user of reporting: one of the two that may write. */
export async function inRedis(platform: Platform, script: string): Promise<string> {
  const { id } = await platform.container('redis');
  const asReporting = 'r() { redis-cli -p 6380 --tls --cacert /run/holdfast/ca.crt --cert /run/holdfast/tls.crt --key /run/holdfast/tls.key --user reporting --no-auth-warning "$@"; }';
  const outcome = await run('docker', ['exec', '-i', id, 'sh', '-c', `read -r REDISCLI_AUTH; export REDISCLI_AUTH; ${asReporting}; ${script}`], { input: `${await readSecret(platform.instance.directory, 'redis-reporting-password')}\n` });
  if (outcome.exitCode !== 0) throw new Error(`in redis: exit ${outcome.exitCode}: ${outcome.stderr.slice(-300)}`);
  return outcome.stdout;
}
