import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { images } from '../../platform/cli/images/catalogue.ts';
import { must, run, type Outcome } from '../../platform/cli/run.ts';
import { PROJECT, versions } from '../../platform/cli/versions.ts';
import type { Platform } from '../kit/platform.ts';

/** Its own, so that nobody else on this machine ever runs these images. */
const VERSION = `${versions.HOLDFAST_VERSION}-next`;
const DIRECTORY = join(PROJECT, '.holdfast', '_next-version');
const TREE = join(DIRECTORY, `holdfast-${VERSION}`);
/** What images and commands are made of. */
const PARTS = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.base.json', 'docker-compose.yml', 'platform', 'services', 'backups', 'runbooks'];
const NOT_COPIED = new Set(['node_modules', 'dist', 'coverage']);

/**
 * A version that comes after this one, and brings migrations: a copy of the project with a number of its own, and its images, which are those of this version under that
 * number but for the setup job, which has the migrations in it.
 */
export class NextVersion {
  readonly number = VERSION;
  private readonly registry: string;
  private readonly instance: string;

  constructor({ instance }: Platform) {
    this.registry = instance.settings.registry;
    this.instance = instance.name;
  }

  /** Migrations by their paths, such as `services/users/migrations/9000_x.sql`. */
  async make(migrations: Readonly<Record<string, string>>): Promise<void> {
    await this.remove();
    await mkdir(TREE, { recursive: true });
    for (const part of PARTS) await cp(join(PROJECT, part), join(TREE, part), { recursive: true, filter: (source) => !NOT_COPIED.has(basename(source)) });
    for (const [path, sql] of Object.entries(migrations)) await writeFile(join(TREE, path), sql);
    const numbers = Object.entries({ ...versions, HOLDFAST_VERSION: VERSION }).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(join(TREE, 'platform/versions.env'), numbers.join(''));
    // As where a new version is checked out over the earlier one: the installation's state is where it was.
    await symlink(join(PROJECT, '.holdfast'), join(TREE, '.holdfast'));
    await this.makeImages(Object.keys(migrations));
  }

  /** `./holdfast up` of that version. */
  up(): Promise<Outcome> {
    return this.node(join(TREE, 'platform/cli/main.ts'), '--instance', this.instance, 'up');
  }

  async remove(): Promise<void> {
    const { stdout } = await run('docker', ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=${this.registry}holdfast/*:${VERSION}`]);
    const left = stdout.split('\n').filter(Boolean);
    if (left.length > 0) await must('docker', ['image', 'rm', ...left]);
    await rm(DIRECTORY, { recursive: true, force: true });
  }

  /** Built on what is there already: the label says of what sources `up` will take them for. */
  private async makeImages(migrations: readonly string[]): Promise<void> {
    const { stdout, stderr } = await this.node('--input-type=module', '--eval', 'const { identify } = await import(process.argv[1]); console.log(JSON.stringify([...await identify()]))', join(TREE, 'platform/cli/images/ensure.ts'));
    if (stdout === '') throw new Error(`the images of ${VERSION} have no identities: ${stderr.slice(-500)}`);
    const identities = new Map(JSON.parse(stdout) as [string, string][]);
    for (const { name, buildOnly } of images) {
      if (buildOnly) continue;
      const lines = [`FROM ${this.registry}holdfast/${name}:${versions.HOLDFAST_VERSION}`, ...(name === 'setup' ? migrations.map((path) => `COPY ${path} ${path}`) : [])];
      const dockerfile = join(DIRECTORY, `Dockerfile.${name}`);
      await writeFile(dockerfile, `${lines.join('\n')}\n`);
      await must('docker', ['buildx', 'build', '--load', '--tag', `${this.registry}holdfast/${name}:${VERSION}`, '--label', `org.holdfast.inputs=${identities.get(name)}`, '--file', dockerfile, name === 'setup' ? TREE : join(TREE, 'runbooks')]);
    }
  }

  private node(...words: string[]): Promise<Outcome> {
    return run(process.execPath, ['--disable-warning=ExperimentalWarning', ...words], { environment: { HOLDFAST_PROJECT: TREE } });
  }
}
