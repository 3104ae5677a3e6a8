import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';

const TIMEOUT_MS = 700;

// Not dns.lookup: that waits in the four threads that all of Node shares, and a name that is away can hold one for many seconds. With some
// services down, Redis and Kafka could not be looked up either (seen: 10 s until the first connection).
const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });

/** All IPv4 addresses of a name. Unlike the system's look-up the resolver knows no search list, which Kubernetes stands on. */
export async function addressesOf(name: string): Promise<string[]> {
  let failure: unknown;
  for (const candidate of [name, ...searchList().map((domain) => `${name}.${domain}`)]) {
    try {
      return await resolver.resolve4(candidate);
    } catch (cause) {
      failure = cause;
      if ((cause as { code?: unknown }).code === 'ETIMEOUT') break;
    }
  }
  throw failure;
}

function searchList(): string[] {
  try {
    return /^search\s+(.+)$/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))?.[1]?.trim().split(/\s+/) ?? [];
  } catch {
    return [];
  }
}
