import { mkdir, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { takeDown } from './commands/down.ts';
import { bringUp } from './commands/up.ts';
import { containersOf } from './containers.ts';
import { UserError } from './errors.ts';
import { faultsImage, images, testsImage } from './images/catalogue.ts';
import { ensureImages } from './images/ensure.ts';
import type { Instance } from './instance.ts';
import { makeDirectory } from './lock.ts';
import { plain } from './progress.ts';
import { docker, run } from './run.ts';
import { outcomesOfJest, outcomesOfPlaywright, outcomesOfVerdicts, type Failure, type Outcomes } from './test-reports.ts';
import { PROJECT } from './versions.ts';

export const STAGES = ['static', 'unit', 'integration', 'e2e', 'alerts', 'faults', 'drills'] as const;
/** What CI's faults follow from: each kind is among them, and leader, replica, etcd, Kafka, Redis and services. `npm run test:faults -- --seed` tries others. */
const FAULTS_SEED = 852;
const FAULTS = 20;
const FAULTS_FULL = 200;

export type StageName = (typeof STAGES)[number];

interface Options {
  full?: true;
  keep?: true;
  grep?: string;
  /** All drills and nothing else: the whole of it, or a part. */
  drills?: true;
  shard?: string;
}

/** One run of the test suite: each stage in a container of the tests image, counted from the runners' own reports. */
export class TestRun {
  private readonly instance: Instance;
  private readonly image: string;
  private readonly options: Options;
  private passed = 0;
  private readonly failures: Failure[] = [];
  private readonly times: [string, number][] = [];

  constructor(instance: Instance, image: string, options: Options) {
    this.instance = instance;
    this.image = image;
    this.options = options;
  }

  async all(stages: readonly StageName[]): Promise<Outcomes> {
    await makeDirectory(this.reports);
    const built = await this.succeeds('images', () => ensureImages(this.instance.settings.registry, this.logs, plain, [...images, testsImage, faultsImage]));
    if (built) await this.each(stages);
    plain('\nWhere the time went:');
    for (const [label, seconds] of this.times) plain(`  ${label.padEnd(28)} ${seconds.toFixed(0).padStart(5)} s`);
    return { passed: this.passed, failures: this.failures };
  }

  private async each(stages: readonly StageName[]): Promise<void> {
    if (stages.includes('static')) await this.timed('static checks', () => this.static());
    if (stages.includes('unit')) await this.timed('unit tests', () => this.jest('unit'));
    if (stages.includes('integration')) await this.timed('integration tests', () => this.jest('integration'));
    if (stages.some((stage) => ['e2e', 'alerts', 'faults', 'drills'].includes(stage))) await this.onAPlatform(stages);
  }

  private get logs(): string {
    return join(this.instance.directory, 'log');
  }

  private get reports(): string {
    return join(PROJECT, '.holdfast', 'test-reports');
  }

  private async timed(label: string, work: () => Promise<void>): Promise<void> {
    plain(`== ${label}`);
    const began = Date.now();
    await mkdir(this.logs, { recursive: true, mode: 0o711 });
    try {
      await work();
    } finally {
      this.times.push([label, (Date.now() - began) / 1000]);
    }
  }

  /** Each check is one test of the closing count. */
  private async static(): Promise<void> {
    const checks: [string, string[]][] = [
      ['shell scripts', ['sh', '-c', 'shellcheck -x -P SCRIPTDIR holdfast .ci/run $(grep -rlE "^#!/bin/(ba)?sh" platform tests --exclude-dir=node_modules)']],
      ['Dockerfiles', ['sh', '-c', 'hadolint $(find platform services backups tests -name Dockerfile -not -path "*/node_modules/*")']],
      ['type check', ['node', '--run', 'typecheck']],
      // The rules of imports follow the packages to what they export, which is what was built.
      ['lint', ['sh', '-c', 'node --run build && node --run lint']],
      ['generated files', ['node', 'platform/cli/generate.ts', '--check']],
      ['compose files', ['node', 'platform/cli/check-compose.ts']],
      ['runbooks', ['node', 'runbooks/runner/check.ts']],
    ];
    for (const [name, command] of checks) this.count(name, (await this.inContainer(command)).exitCode === 0);
  }

  private async jest(project: 'unit' | 'integration'): Promise<void> {
    const report = join(this.reports, `${project}.json`);
    await rm(report, { force: true });
    const network = project === 'integration' ? ['--network', 'host', '-e', `HOLDFAST_FULL=${this.options.full ? '1' : ''}`] : ['--network', 'none'];
    await this.inContainer(['node', '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', '--selectProjects', project, '--json', `--outputFile=${report}`, '--forceExit'], network);
    await this.countReport(project, report, outcomesOfJest);
  }

  /** All four kinds of tests on one platform: alerts leave it mended, the faults leave it with a history, the drills destroy parts of it. */
  private async onAPlatform(stages: readonly StageName[]): Promise<void> {
    // Also that of a run from another checkout, which was interrupted: its data would not fit this run's secrets.
    await this.timed('removing what an earlier run left', async () => {
      await docker('compose', '-p', this.instance.name, 'down', '--volumes', '--remove-orphans', '--timeout', '1');
      if (this.instance.exists) await takeDown(this.instance, true);
      this.instance.settings.replicas = {};
    });
    try {
      const isUp = await this.succeeds('platform up', () => bringUp(this.instance, {}));
      if (!isUp) await this.showLogsOfTheIll();
      if (isUp && stages.includes('e2e')) await this.timed('end-to-end tests', () => this.playwright());
      if (isUp && stages.includes('alerts') && this.options.grep === undefined) await this.timed('alerts by fire', () => this.alerts());
      if (isUp && stages.includes('faults') && this.options.grep === undefined) await this.timed('faults by seed', () => this.faults());
      if (isUp && stages.includes('drills') && this.options.grep === undefined) await this.timed('drills', () => this.drills());
    } finally {
      if (!this.options.keep) await this.timed('platform down', () => takeDown(this.instance, true));
    }
  }

  /** A step that counts as one test: its failure is told and counted, and the run goes on to its closing line. */
  private async succeeds(label: string, work: () => Promise<void>): Promise<boolean> {
    const failure = await this.timed(label, work).then(() => undefined, (error: unknown) => error as Error);
    const why = [failure?.message, ...(failure instanceof UserError ? failure.next : [])].join('\n  ');
    if (failure) plain(why);
    this.count(label, failure === undefined, why);
    return failure === undefined;
  }

  private async showLogsOfTheIll(): Promise<void> {
    const ill = (await containersOf(this.instance)).filter(({ health }) => health !== 'healthy').map(({ service }) => service);
    if (ill.length > 0) await this.instance.tryCompose(['logs', '--no-color', '--tail', '40', ...ill], { inherit: true });
  }

  private async playwright(): Promise<void> {
    const report = join(this.reports, 'e2e.json');
    await rm(report, { force: true });
    await this.inContainer(
      ['playwright', 'test', '--config', 'tests/playwright.config.ts', ...(this.options.grep ? ['--grep', this.options.grep] : [])],
      ['--network', 'host', '--pid', 'host', '--shm-size', '256m', '-e', `PLAYWRIGHT_JSON_OUTPUT_NAME=${report}`, '-e', `HOLDFAST_INSTANCE=${this.instance.name}`, '-e', `HOLDFAST_FULL=${this.options.full ? '1' : ''}`],
    );
    await this.countReport('end-to-end', report, outcomesOfPlaywright);
  }

  /** One test of the closing count; what it found is told above it, with the command that replays it. */
  private async faults(): Promise<void> {
    const faults = this.options.full ? FAULTS_FULL : FAULTS;
    const { exitCode } = await this.inContainer(
      ['node', '--run', 'test:faults', '--', '--instance', this.instance.name, '--seed', String(FAULTS_SEED), '--faults', String(faults), '--no-record'],
      ['--network', 'host', '--pid', 'host'],
    );
    this.count(`${faults} faults by seed`, exitCode === 0);
  }

  /** Each alert is one test of the closing count: about one of each family in every run, all on demand. Evidence is left by `tests/alerts/main.ts` on an instance that was not tested before. */
  private async alerts(): Promise<void> {
    const report = join(this.reports, 'alerts', 'results.json');
    await rm(report, { force: true });
    await this.inContainer(
      ['node', '--run', 'test:alerts', '--', '--instance', this.instance.name, '--again', '--no-record', ...(this.options.full ? ['--full'] : [])],
      ['--network', 'host', '--pid', 'host'],
    );
    await this.countReport('alerts', report, outcomesOfVerdicts);
  }

  /** Each drill is one test of the closing count. A few in every run, which leave no evidence; all of them on demand, which do, and go on with what is missing. */
  private async drills(): Promise<void> {
    const report = join(this.reports, 'drills', 'results.json');
    await rm(report, { force: true });
    const chosen = this.options.drills ? (this.options.shard ? ['--shard', this.options.shard] : []) : ['--few', '--again', '--no-record'];
    await this.inContainer(['node', '--run', 'test:drills', '--', '--instance', this.instance.name, ...chosen], ['--network', 'host', '--pid', 'host']);
    await this.countReport('drills', report, outcomesOfVerdicts);
  }

  /** A runner that leaves no report, or one without a test, has failed, whatever its exit status says. */
  private async countReport(name: string, report: string, read: (text: string) => Outcomes): Promise<void> {
    const { passed, failures } = existsSync(report) ? read(await readFile(report, 'utf8')) : { passed: 0, failures: [] };
    if (passed + failures.length === 0) this.count(`${name}: ran no test`, false);
    this.passed += passed;
    this.failures.push(...failures);
    plain(`   ${name}: ${passed} passed, ${failures.length} failed`);
  }

  private count(name: string, passed: boolean, why = 'what it printed stands above'): void {
    if (passed) this.passed++;
    else this.failures.push({ name, why });
    plain(`   ${passed ? 'passed' : 'FAILED'}  ${name}`);
  }

  private inContainer(command: readonly string[], extra: readonly string[] = []): Promise<{ exitCode: number }> {
    return run('docker', [
      'run', '--rm', '--init', '--memory', '4g', '-v', '/var/run/docker.sock:/var/run/docker.sock', '-v', `${PROJECT}:${PROJECT}`, '-v', '/:/host:ro',
      '-e', `HOLDFAST_PROJECT=${PROJECT}`, '-e', 'CI=1', ...extra, this.image, ...command,
    ], { inherit: true });
  }
}
