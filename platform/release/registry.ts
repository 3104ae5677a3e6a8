import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../cli/errors.ts';
import { must, run } from '../cli/run.ts';
import type { Keys } from './signing.ts';

/** An image of a release: its name in the registry, and the tag that Docker has it under here. */
export interface ReleasedImage {
  /** Such as `holdfast/edge`. */
  name: string;
  local: string;
}

export interface Published extends ReleasedImage {
  digest: string;
}

const NOTHING = 'holdfast-withdrawn:latest';

/**
 * A registry as a release sees it, by skopeo. Signatures are sigstore's, kept in the registry beside what they sign; each is of a digest and of
 * the name and tag that it was signed under, so that an older image cannot be passed off as a newer one.
 */
export class Registry {
  /** Host and path, ending in '/'. */
  readonly prefix: string;
  private readonly directory: string;
  private readonly keys: Keys;
  private readonly plainHttp: boolean;

  private constructor(prefix: string, directory: string, keys: Keys) {
    this.prefix = prefix;
    this.directory = directory;
    this.keys = keys;
    // As Docker has it: only a registry on this machine may do without TLS.
    this.plainHttp = /^(127\.\d+\.\d+\.\d+|localhost)(:\d+)?\//.test(prefix);
  }

  /** `work` is a directory for its files; `publicKey` is the one that installers trust. */
  static async open(address: string, work: string, keys: Keys, publicKey: string): Promise<Registry> {
    const prefix = `${address.replace(/\/+$/, '')}/`;
    await mkdir(work, { recursive: true });
    const directory = await mkdtemp(join(work, 'registry-'));
    await mkdir(join(directory, 'registries.d'));
    await writeFile(join(directory, 'registries.d', 'sigstore.yaml'), 'default-docker:\n  use-sigstore-attachments: true\n');
    await writeFile(join(directory, 'policy.json'), JSON.stringify(policy(prefix, publicKey), null, 2));
    await writeFile(join(directory, 'publish.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    return new Registry(prefix, directory, keys);
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Copies an image from Docker under a tag, and signs it. */
  async publish(image: ReleasedImage, tag: string): Promise<Published> {
    const digestFile = join(this.directory, 'digest');
    await this.skopeo('publish.json', ['copy', '--quiet', '--retry-times', '3', `--dest-tls-verify=${!this.plainHttp}`, ...this.signing, '--digestfile', digestFile, `docker-daemon:${image.local}`, this.reference(image.name, tag)]);
    return { ...image, digest: (await readFile(digestFile, 'utf8')).trim() };
  }

  /** Downloads all of an image as an installer's policy allows: throws where a signature or a byte is not what it should be. */
  async verify({ name, digest }: Published, tag: string): Promise<void> {
    const found = await this.digestOf(name, tag);
    if (found !== digest) throw new Error(`${this.prefix}${name}:${tag} is ${found}, and ${digest} was published`);
    await this.skopeo('policy.json', ['copy', '--quiet', '--retry-times', '3', '--remove-signatures', `--src-tls-verify=${!this.plainHttp}`, '--dest-shared-blob-dir', join(this.directory, 'blobs'), this.reference(name, tag), `oci:${join(this.directory, 'verified')}:${name.replaceAll('/', '-')}`]);
  }

  /** What a tag names, or nothing where it is not there. */
  async digestOf(name: string, tag: string): Promise<string | undefined> {
    const outcome = await run('skopeo', ['inspect', '--no-tags', `--tls-verify=${!this.plainHttp}`, '--retry-times', '3', '--format', '{{.Digest}}', this.reference(name, tag)]);
    if (outcome.exitCode === 0) return outcome.stdout.trim();
    if (/manifest unknown|name unknown|not found/i.test(outcome.stderr)) return undefined;
    throw new UserError(`the registry does not say whether ${this.prefix}${name}:${tag} is there: ${outcome.stderr.trim()}`, [`Is it up, and are you signed in?   docker login ${this.prefix.split('/', 1)[0]}`]);
  }

  /** Lets a channel's tag name an image of this registry. Signed under that tag too, unless it has been before. */
  async moveChannel(name: string, channel: string, digest: string, options: { sign: boolean }): Promise<void> {
    await this.skopeo('publish.json', ['copy', '--quiet', '--retry-times', '3', `--src-tls-verify=${!this.plainHttp}`, `--dest-tls-verify=${!this.plainHttp}`, ...(options.sign ? this.signing : []), `docker://${this.prefix}${name}@${digest}`, this.reference(name, channel)]);
  }

  /**
   * Removes what a tag names, its signatures first. With it go all tags of the same digest. Where a registry does not delete (ghcr.io and
   * Docker Hub answer 405), an image without content and without a signature takes the tag.
   */
  async remove(name: string, tag: string): Promise<void> {
    const digest = await this.digestOf(name, tag);
    if (digest === undefined) return;
    for (const doomed of [`${digest.replace(':', '-')}.sig`, tag]) {
      if (doomed !== tag && (await this.digestOf(name, doomed)) === undefined) continue;
      const outcome = await run('skopeo', ['delete', `--tls-verify=${!this.plainHttp}`, this.reference(name, doomed)]);
      if (outcome.exitCode === 0) continue;
      if (!/unsupported|405/i.test(outcome.stderr)) throw new Error(`skopeo delete ${this.prefix}${name}:${doomed}: ${outcome.stderr.trim()}`);
      return this.replaceByNothing(name, tag);
    }
  }

  private async replaceByNothing(name: string, tag: string): Promise<void> {
    await must('bash', ['-c', `tar -cT /dev/null | docker import --change 'LABEL org.holdfast.withdrawn=true' - ${NOTHING}`]);
    await this.skopeo('publish.json', ['copy', '--quiet', '--retry-times', '3', `--dest-tls-verify=${!this.plainHttp}`, `docker-daemon:${NOTHING}`, this.reference(name, tag)]);
  }

  private get signing(): string[] {
    return ['--sign-by-sigstore-private-key', this.keys.imagesPrivate, '--sign-passphrase-file', this.keys.passphrase];
  }

  private reference(name: string, tag: string): string {
    return `docker://${this.prefix}${name}:${tag}`;
  }

  private skopeo(policyFile: string, args: readonly string[]): Promise<string> {
    return must('skopeo', ['--policy', join(this.directory, policyFile), '--registries.d', join(this.directory, 'registries.d'), ...args]);
  }
}

/** containers-policy.json(5): nothing is taken but what this key has signed. */
export function policy(prefix: string, publicKey: string): object {
  return { default: [{ type: 'reject' }], transports: { docker: { [prefix.replace(/\/$/, '')]: [{ type: 'sigstoreSigned', keyPath: publicKey }] } } };
}
