import { dockerApi } from '../../platform/cli/docker-api.ts';
import type { Platform } from '../kit/platform.ts';
import { beginHelper, stopHelper } from './containers-beside.ts';

/** What a component sends to these others arrives nowhere, without a word; they reach it as before. Its own next start ends it: so a page that starts it again mends it. */
export async function cutOff(platform: Platform, service: string, ...others: string[]): Promise<void> {
  const container = await platform.container(service);
  const own = await addressesOf(container.id);
  const theirs = await Promise.all(others.map(async (other) => addressesOf((await platform.container(other)).id)));
  const addresses = theirs.flatMap((networks) => [...networks].filter(([network]) => own.has(network)).map(([, address]) => address));
  if (addresses.length === 0) throw new Error(`${service} shares no network with ${others.join(', ')}`);
  await beginHelper(platform, helperOf(service), ['--network', `container:${container.id}`, '--cap-add', 'NET_ADMIN'], ['lose-neighbours', '1800', ...addresses]);
}

/** Ends what `cutOff` has begun. */
export async function letGo(platform: Platform, service: string): Promise<void> {
  await stopHelper(platform, helperOf(service));
}

function helperOf(service: string): string {
  return `cut-off-${service}`;
}

/** By network. */
async function addressesOf(id: string): Promise<Map<string, string>> {
  const { NetworkSettings } = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${id}/json`);
  return new Map(Object.entries(NetworkSettings.Networks).map(([network, { IPAddress }]): [string, string] => [network, IPAddress]).filter(([, address]) => address !== ''));
}
