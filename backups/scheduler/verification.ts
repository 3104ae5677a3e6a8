import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verification } from '../due.ts';
import { pgbackrest, PgBackRestFailed } from './pgbackrest.ts';
import { OWN_VOLUME } from './settings.ts';

/** As it is kept: with the last time at which nothing was found. */
export interface KeptVerification extends Verification {
  goodAt: string | null;
}

const FILE = join(OWN_VOLUME, 'verifications.json');
const FINDINGS = 20;

/** Empty before the first one, and where the file is lost: then everything is verified anew. */
export async function keptVerifications(): Promise<KeptVerification[]> {
  try {
    return JSON.parse(await readFile(FILE, 'utf8')) as KeptVerification[];
  } catch {
    return [];
  }
}

/** Reads every file of a cluster's repository. Throws where it could not: that is no result. */
export async function verify(cluster: string, repository: number): Promise<Verification> {
  const ended = await pgbackrest([`--stanza=${cluster}`, `--repo=${repository}`, '--output=text', '--verbose', 'verify']);
  const found = readVerification(ended.stdout, ended.said);
  if (!found) throw new PgBackRestFailed('verify', ended);
  return { cluster, repository, at: new Date().toISOString(), ...found };
}

/** Writes it down, whole or not at all. */
export async function keep(verification: Verification): Promise<KeptVerification> {
  const kept = await keptVerifications();
  const same = (one: Verification): boolean => one.cluster === verification.cluster && one.repository === verification.repository;
  const result = { ...verification, goodAt: verification.errors === 0 ? verification.at : kept.find(same)?.goodAt ?? null };
  await writeFile(`${FILE}.new`, JSON.stringify([...kept.filter((one) => !same(one)), result]));
  await rename(`${FILE}.new`, FILE);
  return result;
}

/**
 * Reads what `pgbackrest verify --output=text --verbose` printed; nothing where it came to no result. A file that is missing,
 * or not what its checksum says, is an error; a backup with one of them, or one that lacks its manifest, cannot be restored.
 */
export function readVerification(text: string, said: readonly string[]): Pick<Verification, 'errors' | 'damaged' | 'findings'> | undefined {
  const status = /^status: (ok|error)$/m.exec(text)?.[1];
  if (status === undefined) return undefined;
  const damaged = [...text.matchAll(/^ *backup: (\S+), status: (?!valid|in-progress)/gm)].map(([, label = '']) => label);
  const counted = [...text.matchAll(/missing: (\d+), checksum invalid: (\d+), size invalid: (\d+), other: (\d+)/g)].flatMap(([, ...counts]) => counts.map(Number));
  const files = counted.reduce((sum, count) => sum + count, 0);
  return {
    // It may find fault with more than files: whatever it is, it is not nothing.
    errors: Math.max(files, damaged.length, status === 'error' ? 1 : 0),
    damaged,
    findings: said.map((line) => /(?:file missing|invalid (?:checksum|size|result)) '.*'/.exec(line)?.[0]).filter((line) => line !== undefined).slice(0, FINDINGS),
  };
}
