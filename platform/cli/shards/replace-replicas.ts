import { setTimeout as pause } from 'node:timers/promises';
import { containersOf, waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { docker, run } from '../run.ts';

const READY_BUDGET_SECONDS = 90;

/**
 * Puts new containers, with the settings of now, in the place of all replicas of a service that were started with others, one after the other: the new one is
 * ready before the old one is asked to stop, and that one finishes what it has. So no request is refused, even where there is one replica only.
 */
export async function replaceReplicas(instance: Instance, service: string, isOutdated: (environment: readonly string[]) => boolean, say: (detail: string) => void): Promise<void> {
  const all = (await containersOf(instance)).filter((container) => container.service === service);
  const outdated: string[] = [];
  for (const { id } of all) if (isOutdated(JSON.parse(await docker('inspect', '--format', '{{json .Config.Env}}', id)) as string[])) outdated.push(id);
  // One more than there are to be, of which an earlier attempt may have left the new one.
  const wanted = instance.settings.replicas[service] ?? 1;
  for (const [place, id] of outdated.entries()) {
    say(`replica ${place + 1} of ${outdated.length}`);
    await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', '--no-recreate', '--scale', `${service}=${wanted + 1}`, service]);
    await waitUntilHealthy(instance, [service], READY_BUDGET_SECONDS, say);
    await untilReady(instance, service, outdated);
    await docker('stop', '--time', '30', id);
    await docker('rm', id);
  }
}

/** Those that are new answer that they can work; that they live is not enough. */
async function untilReady(instance: Instance, service: string, outdated: readonly string[]): Promise<void> {
  const deadline = Date.now() + READY_BUDGET_SECONDS * 1_000;
  const ask = ['curl', '-fsS', '-o', '/dev/null', '--max-time', '3', '--cacert', '/run/holdfast/ca.crt', '--connect-to', `${service}:3000:127.0.0.1:3000`, `https://${service}:3000/health/ready`];
  for (;;) {
    const fresh = (await containersOf(instance)).filter((container) => container.service === service && !outdated.includes(container.id));
    const answers = await Promise.all(fresh.map(({ id }) => run('docker', ['exec', id, ...ask])));
    if (fresh.length > 0 && answers.every(({ exitCode }) => exitCode === 0)) return;
    if (Date.now() > deadline) throw new UserError(`the new replica of ${service} is not ready after ${READY_BUDGET_SECONDS} s; the others go on.`, [`Look:  ./holdfast logs ${service}`]);
    await pause(500);
  }
}
