import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { components } from '../../components.ts';
import type { Instance } from '../instance.ts';
import { describeCertificate } from '../state/certificates.ts';
import type { Concern } from './concern.ts';

const DAY_MS = 86_400_000;
/** `up` renews what has less than 90 days left. */
const ATTENTION_DAYS = 60;
const TROUBLE_DAYS = 7;

/** The certificate that ends first, of those that `up` issued and of the authority itself. */
export async function certificateConcerns(instance: Instance): Promise<Concern[]> {
  const files: [string, string][] = [['the authority', instance.caFile], ...Object.keys(components).map((name): [string, string] => [name, join(instance.directory, 'secrets', name, 'tls.crt')])];
  const ends = await Promise.all(files.map(async ([name, file]) => ({ name, notAfter: describeCertificate(await readFile(file, 'utf8')).notAfter })));
  const [first] = ends.toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
  if (!first) return [];
  const days = Math.floor((first.notAfter.getTime() - Date.now()) / DAY_MS);
  return [{
    about: 'certificates', says: days < 0 ? `that of ${first.name} has expired` : `${days} days left, first that of ${first.name}`,
    state: days < TROUBLE_DAYS ? 'trouble' : days < ATTENTION_DAYS ? 'attention' : 'good', ...(days < ATTENTION_DAYS && { next: './holdfast up' }),
  }];
}
