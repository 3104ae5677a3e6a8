import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../cli/errors.ts';
import { run } from '../cli/run.ts';
import { PUBLIC_KEYS, readPrivateKey, type Keys } from './signing.ts';

/** What a project says of its own version. */
export interface Declared {
  versionsEnv: string;
  packageJson: string;
  changelog: string;
}

/** Why this tag cannot be released from these files: all reasons at once, none if it can. */
export function faultsOfTag(tag: string, declared: Declared): string[] {
  const version = /^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/.exec(tag)?.[1];
  if (!version) return [`"${tag}" is no tag of a release: v1.2.3, or v1.2.3-rc.1`];
  const faults: string[] = [];
  const inVersions = /^HOLDFAST_VERSION=(.*)$/m.exec(declared.versionsEnv)?.[1];
  if (inVersions !== version) faults.push(`platform/versions.env says HOLDFAST_VERSION=${inVersions}, the tag says ${version}`);
  const inPackage = (JSON.parse(declared.packageJson) as { version?: string }).version;
  if (inPackage !== version) faults.push(`package.json says version ${inPackage}, the tag says ${version}`);
  const notes = notesOf(version, declared.changelog);
  if (notes === undefined) faults.push(`CHANGELOG.md has no heading "## ${version}"`);
  else if (/unreleased/i.test(notes.heading)) faults.push(`CHANGELOG.md calls ${version} unreleased: put the date there`);
  else if (!notes.text) faults.push(`CHANGELOG.md says nothing under ${version}`);
  return faults;
}

/** The changelog's entry of a version. */
export function notesOf(version: string, changelog: string): { heading: string; text: string } | undefined {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((one) => one.split(/\s/, 1)[0] === version);
  if (section === undefined) return undefined;
  const [heading = '', ...lines] = section.split('\n');
  return { heading, text: lines.join('\n').trim() };
}

/** A version with a dash is tried by those who want to; everybody else follows `stable`. */
export function channelOf(version: string): 'stable' | 'candidate' {
  return version.includes('-') ? 'candidate' : 'stable';
}

/** Throws unless this checkout may be released as `tag` with these keys; returns the version. Nothing was changed then. */
export async function ready(tag: string, keys: Keys, project: string): Promise<string> {
  const read = (path: string): string => readFileSync(join(project, path), 'utf8');
  const faults = faultsOfTag(tag, { versionsEnv: read('platform/versions.env'), packageJson: read('package.json'), changelog: read('CHANGELOG.md') });
  const git = (...args: string[]): Promise<{ stdout: string }> => run('git', ['-c', 'safe.directory=*', '-C', project, ...args]);
  const head = (await git('rev-parse', 'HEAD')).stdout.trim();
  const tagged = (await git('rev-parse', '--verify', '--quiet', `refs/tags/${tag}^{commit}`)).stdout.trim();
  if (tagged !== head) faults.push(tagged ? `the tag ${tag} is ${tagged.slice(0, 12)}, checked out is ${head.slice(0, 12)}` : `this clone has no tag ${tag}`);
  faults.push(...faultsOfKeys(keys, join(project, PUBLIC_KEYS)));
  const [first, ...others] = faults;
  if (first) throw new UserError(`${tag} cannot be released: ${first}.`, [...others.map((fault) => `Also: ${fault}.`), 'Nothing was changed.']);
  return tag.slice(1);
}

/** Whoever installs trusts the public keys of the repository: what is signed with others would be refused everywhere. */
function faultsOfKeys(keys: Keys, published: string): string[] {
  const faults = [keys.imagesPrivate, keys.bundlePrivate, keys.passphrase, join(keys.directory, 'images.pub')].filter((path) => !existsSync(path)).map((path) => `${path} is missing`);
  for (const name of ['images.pub', 'bundle.pub']) if (!existsSync(join(published, name))) faults.push(`${PUBLIC_KEYS}/${name} is missing`);
  if (faults.length > 0) return [...faults, 'how keys are made stands in platform/release/README.md'];
  const same = (path: string, key: string): boolean => createPublicKey(readFileSync(path)).export({ type: 'spki', format: 'pem' }) === key;
  const bundleKey = createPublicKey(readPrivateKey(keys)).export({ type: 'spki', format: 'pem' }) as string;
  const imagesKey = createPublicKey(readFileSync(join(keys.directory, 'images.pub'))).export({ type: 'spki', format: 'pem' }) as string;
  if (!same(join(published, 'bundle.pub'), bundleKey)) faults.push(`${PUBLIC_KEYS}/bundle.pub is not the public half of ${keys.bundlePrivate}`);
  if (!same(join(published, 'images.pub'), imagesKey)) faults.push(`${PUBLIC_KEYS}/images.pub is not ${join(keys.directory, 'images.pub')}`);
  return faults;
}
