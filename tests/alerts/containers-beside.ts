import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { dockerApi } from '../../platform/cli/docker-api.ts';
import { faultsImage, imageTag } from '../../platform/cli/images/catalogue.ts';
import { ensureImages } from '../../platform/cli/images/ensure.ts';
import { must, run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { Platform } from '../kit/platform.ts';

/** Longer than any alert waits; then a fault ends by itself, even if nobody ends it. */
const AT_MOST_S = 900;

/** A container beside the platform's that makes a fault for as long as it runs. */
export async function beginHelper(platform: Platform, name: string, access: readonly string[], command: readonly string[]): Promise<void> {
  const registry = platform.instance.settings.registry;
  const logs = join(PROJECT, '.holdfast', 'test-reports', 'alerts');
  mkdirSync(logs, { recursive: true });
  await ensureImages(registry, logs, () => undefined, [faultsImage]);
  await endHelper(platform, name);
  await must('docker', ['run', '--detach', '--rm', '--init', '--name', nameOf(platform, name), '--cap-drop', 'ALL', ...access, imageTag(registry, faultsImage.name), 'timeout', String(AT_MOST_S), ...command]);
}

export async function endHelper(platform: Platform, name: string): Promise<void> {
  await run('docker', ['rm', '--force', nameOf(platform, name)]);
}

/** Of a helper that takes back what it did when it ends. It is not killed, and has time on a busy machine: what it had no time for would outlast it. */
export async function stopHelper(platform: Platform, name: string): Promise<void> {
  await run('docker', ['stop', '--time', '60', nameOf(platform, name)]);
}

export function nameOf({ instance }: Platform, name: string): string {
  return `${instance.name}-alert-${name}`;
}

/**
 * Two components do not reach each other, on any network; everybody else reaches both. On each side the other's address is given the hardware address of nobody, as
 * `tests/faults` does.
 */
export const cut = (one: string, other: string) => async (platform: Platform): Promise<void> => {
  const [addressesOfOne, addressesOfOther] = await Promise.all([addressesOf(platform, one), addressesOf(platform, other)]);
  const shared = [...addressesOfOne.keys()].filter((network) => addressesOfOther.has(network));
  if (shared.length === 0) throw new Error(`${one} and ${other} share no network`);
  const side = async (service: string, peers: ReadonlyMap<string, string>): Promise<void> => {
    const { id } = await platform.container(service);
    await beginHelper(platform, `cut-${one}-${other}-${service}`, ['--network', `container:${id}`, '--cap-add', 'NET_ADMIN'], ['lose-neighbours', String(AT_MOST_S), ...shared.map((network) => peers.get(network) ?? '')]);
  };
  await Promise.all([side(one, addressesOfOther), side(other, addressesOfOne)]);
};

export const rejoined = (one: string, other: string) => async (platform: Platform): Promise<void> => {
  await Promise.all([one, other].map((service) => stopHelper(platform, `cut-${one}-${other}-${service}`)));
};

/** By network. */
export async function addressesOf(platform: Platform, service: string): Promise<Map<string, string>> {
  const { id } = await platform.container(service);
  const inspected = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${id}/json`);
  return new Map(Object.entries(inspected.NetworkSettings.Networks).map(([network, { IPAddress }]): [string, string] => [network, IPAddress]).filter(([, address]) => address !== ''));
}
