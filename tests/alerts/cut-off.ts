import type { Platform } from '../kit/platform.ts';
import { addressesOf, beginHelper, stopHelper } from './containers-beside.ts';

/** What a component sends to these others arrives nowhere, without a word; they reach it as before. Its own next start ends it: so a page that starts it again mends it. */
export async function cutOff(platform: Platform, service: string, ...others: string[]): Promise<void> {
  const { id } = await platform.container(service);
  const own = await addressesOf(platform, service);
  const theirs = await Promise.all(others.map((other) => addressesOf(platform, other)));
  const addresses = theirs.flatMap((networks) => [...networks].filter(([network]) => own.has(network)).map(([, address]) => address));
  if (addresses.length === 0) throw new Error(`${service} shares no network with ${others.join(', ')}`);
  await beginHelper(platform, helperOf(service), ['--network', `container:${id}`, '--cap-add', 'NET_ADMIN'], ['lose-neighbours', '1800', ...addresses]);
}

/** Ends what `cutOff` has begun. */
export async function letGo(platform: Platform, service: string): Promise<void> {
  await stopHelper(platform, helperOf(service));
}

function helperOf(service: string): string {
  return `cut-off-${service}`;
}
