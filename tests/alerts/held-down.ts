import { dockerApi } from '../../platform/cli/docker-api.ts';
import { faultsImage, imageTag } from '../../platform/cli/images/catalogue.ts';
import { docker, run } from '../../platform/cli/run.ts';
import type { Platform } from '../kit/platform.ts';

/** For what signals cannot do: a small container beside a component, which hinders it as long as it is there, at most for half an hour. */
const AT_MOST_S = 1_800;

/** What a component sends to these others arrives nowhere, without a word; they reach it as before. Ends with the component's container. */
export async function cutOff(platform: Platform, service: string, ...others: string[]): Promise<void> {
  const container = await platform.container(service);
  const own = await addressesOf(container.id);
  const theirs = await Promise.all(others.map(async (other) => addressesOf((await platform.container(other)).id)));
  const addresses = theirs.flatMap((networks) => [...networks].filter(([network]) => own.has(network)).map(([, address]) => address));
  if (addresses.length === 0) throw new Error(`${service} shares no network with ${others.join(', ')}`);
  await begin(platform, service, ['--network', `container:${container.id}`, '--cap-add', 'NET_ADMIN'], ['lose-neighbours', String(AT_MOST_S), ...addresses]);
}

/** Every time that a program waits for its disk (fdatasync), it waits so much longer. */
export async function slowDisk(platform: Platform, service: string, program: string, delayMs: number): Promise<void> {
  const container = await platform.container(service);
  const strace = `strace -f -qqq -o /dev/null -e trace=fdatasync -e inject=fdatasync:delay_enter=${delayMs * 1_000} -p "$(grep -lx ${program} /proc/[0-9]*/comm | head -n 1 | cut -d/ -f3)"`;
  await begin(platform, service, ['--pid', `container:${container.id}`, '--cap-add', 'SYS_PTRACE'], ['timeout', '--signal=INT', String(AT_MOST_S), 'sh', '-c', `exec ${strace}`]);
}

/** Ends what `cutOff` and `slowDisk` have begun, which undoes it. */
export async function letGo(platform: Platform, service: string): Promise<void> {
  await run('docker', ['stop', '--time', '5', nameOf(platform, service)]);
}

async function begin(platform: Platform, service: string, access: readonly string[], command: readonly string[]): Promise<void> {
  const image = imageTag(platform.instance.settings.registry, faultsImage.name);
  await docker('run', '-d', '--rm', '--init', '--name', nameOf(platform, service), '--label', `org.holdfast.faults=${platform.instance.name}`, '--cap-drop', 'ALL', ...access, image, ...command);
}

function nameOf(platform: Platform, service: string): string {
  return `${platform.instance.name}-holds-down-${service}`;
}

/** By network. */
async function addressesOf(id: string): Promise<Map<string, string>> {
  const { NetworkSettings } = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${id}/json`);
  return new Map(Object.entries(NetworkSettings.Networks).map(([network, { IPAddress }]): [string, string] => [network, IPAddress]).filter(([, address]) => address !== ''));
}
