import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { components } from '../../platform/components.ts';
import { issueLeaf, readAuthority } from '../../platform/cli/state/certificates.ts';
import { ownedFile } from '../../platform/cli/state/secrets.ts';
import type { Platform } from '../kit/platform.ts';

type Component = keyof typeof components;

/** A component shows another certificate of the platform's own authority: for so many days, perhaps in another name. It is in use when the component has started anew. */
export async function showCertificate(platform: Platform, component: Component, days: number, names: readonly [string, ...string[]] = components[component].names): Promise<void> {
  const leaf = await leafOf(platform, names, days);
  const files = { 'tls.key': leaf.keyPem, 'tls.pk8': leaf.keyDer, 'tls.pem': leaf.certificatePem + leaf.keyPem, 'tls.crt': leaf.certificatePem };
  for (const [name, content] of Object.entries(files)) await ownedFile(pathOf(platform, component, name), content, components[component].uid);
  await startAnew(platform, component);
}

/** A component is told of a second authority, before the real one, with so many days left. */
export async function addAuthority(platform: Platform, component: Component, days: number): Promise<void> {
  const { certificatePem } = await leafOf(platform, ['an authority that ends'], days);
  await ownedFile(pathOf(platform, component, 'ca.crt'), certificatePem + (await readFile(platform.instance.caFile, 'utf8')), components[component].uid);
  await startAnew(platform, component);
}

export async function forgetAuthority(platform: Platform, component: Component): Promise<void> {
  await ownedFile(pathOf(platform, component, 'ca.crt'), await readFile(platform.instance.caFile, 'utf8'), components[component].uid);
  await startAnew(platform, component);
}

async function leafOf({ instance }: Platform, names: readonly [string, ...string[]], days: number): Promise<Awaited<ReturnType<typeof issueLeaf>>> {
  const authority = await readAuthority(await readFile(join(instance.directory, 'ca/ca.crt'), 'utf8'), await readFile(join(instance.directory, 'ca/ca.key'), 'utf8'));
  return issueLeaf(authority, names, days);
}

async function startAnew(platform: Platform, component: Component): Promise<void> {
  await platform.instance.compose(['restart', '--timeout', '20', component]);
}

function pathOf({ instance }: Platform, component: Component, file: string): string {
  return join(instance.directory, 'secrets', component, file);
}
