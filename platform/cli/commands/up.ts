import { Command, InvalidArgumentError, Option } from 'commander';
import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { components, nestServices } from '../../components.ts';
import { giveDirectory } from '../audit/host-file.ts';
import { configureBackups } from '../backups/configure.ts';
import { containersOf, waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import { waitForFirstBackups } from '../first-backup.ts';
import { availableVendorProfiles, ensureImages, isAvailable } from '../images/ensure.ts';
import { vendorElasticsearch, vendorImages } from '../images/catalogue.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { preflight, type Finding } from '../preflight/checks.ts';
import { plain, Progress } from '../progress.ts';
import { proveTransfer } from '../prove-transfer.ts';
import { refuseWhileRecovering } from '../recover/progress-file.ts';
import { tellKitState } from '../recovery-kit/record.ts';
import { refuseUnfinishedRestore } from '../restore/undertaking.ts';
import { docker, lastLines } from '../run.ts';
import { writeReceivers } from '../state/receivers.ts';
import { tellOfAddedLedgers } from '../shards/tell-rooms.ts';
import { ensureSecrets } from '../state/secrets.ts';
import { forgetUpgrade } from '../upgrade/attempt.ts';
import { otherVersionRunning, replaceVersion } from '../upgrade/replace-version.ts';
import { setUp } from '../upgrade/set-up.ts';

/** In place of a directory: none of the operator's. */
const NONE = 'none';

/** Components that start together. */
interface Stage {
  label: string;
  budgetSeconds: number;
  services: readonly string[];
}

/**
 * Order of a start. Each component retries what it needs, so the order only spares two cores the restarts of those
 * that would find nothing there yet.
 */
function stagesOf(instance: Instance): Stage[] {
  const nodes = Object.values(instance.clusters).flatMap((cluster) => cluster.nodes);
  return [
    { label: 'Postgres, Kafka, Redis, Elasticsearch', budgetSeconds: 240, services: ['etcd', ...nodes, 'pg-router', 'pg-guard', 'pgbackrest', 'backup-scheduler', 'kafka', 'redis', 'elasticsearch'] },
    { label: 'Keycloak', budgetSeconds: 240, services: ['keycloak'] },
  ];
}

const REST = { label: 'services, edge, logs, monitoring', budgetSeconds: 180, services: [...nestServices, 'edge', 'logs', 'prometheus', 'alertmanager', 'node-exporter', 'postgres-exporter', 'redis-exporter', 'elasticsearch-exporter', 'blackbox-exporter', 'restore-proof'] } as const;

/** Everything that runs in this instance, as its images allow. */
export function servicesOf(instance: Instance): string[] {
  return [...stagesOf(instance).flatMap(({ services }) => services), ...REST.services, ...instance.settings.profiles];
}

export interface UpOptions {
  host?: string;
  port?: number;
  bind?: string;
  registry?: string;
  logsKept?: number;
  logSnapshots?: string;
  goBack?: true;
}

export function upCommand(): Command {
  return new Command('up')
    .description('install what is missing, start everything, prove that it works; run again, it changes nothing')
    .option('--host <name>', 'public host name (default: localhost)', parseHost)
    .option('--port <number>', 'public HTTPS port (default: 8443)', parsePort)
    .option('--bind <address>', 'address to listen on (default: 127.0.0.1)', parseAddress)
    .option('--registry <prefix>', 'registry to pull images from, before building them', parseRegistry, process.env.HOLDFAST_REGISTRY)
    .addOption(new Option('--logs-kept <days>', 'how long log lines and their snapshots are kept (default: 30)').env('HOLDFAST_LOGS_KEPT_DAYS').argParser(parseDays))
    .addOption(new Option('--log-snapshots <directory>', 'where snapshots of log lines are kept, best on another disk; "none": beside Docker\'s own data').env('HOLDFAST_LOG_SNAPSHOTS').argParser(parseDirectory))
    .option('--go-back', 'start this version on data of a newer one, where its changelog allows that (not remembered)')
    .addHelpText('after', '\nOptions are remembered. Ctrl-C at any point is safe: run up again to go on.\nExit status: 0 up and proven, 1 something to mend (the message says what), 2 wrong arguments.')
    .action(async (options: UpOptions, command: Command) => {
      const instance = await Instance.named(command);
      await exclusively(instance, 'up', () => bringUp(instance, options));
    });
}

/** The whole of `up`, also what `test` does for its own instance. */
export async function bringUp(instance: Instance, options: UpOptions): Promise<void> {
  await refuseWhileRecovering(instance);
  await refuseUnfinishedRestore(instance);
  applyOptions(instance, options);
  const logDirectory = join(instance.directory, 'log');
  const stages = stagesOf(instance);
  const earlier = await otherVersionRunning(instance);
  const progress = new Progress(stages.length + 7 + (earlier === undefined ? 0 : options.goBack ? 1 : 2));

  await progress.step('preflight', async () => refuseErrors(await preflight(instance)));
  await progress.step('secrets and certificates', async () => {
    instance.settings.dockerRoot = (await docker('info', '-f', '{{.DockerRootDir}}')).trim();
    await instance.save();
    await ensureSecrets(instance.directory, instance.publicNames, instance.settings.ledgers);
    await configureBackups(instance);
    await writeReceivers(instance);
    await tellKitState(instance);
  });
  await progress.step('images', async (say) => {
    await ensureImages(instance.settings.registry, logDirectory, say);
    instance.settings.elasticsearchImage ??= await chooseElasticsearch(instance.settings.registry);
    // Kibana works with its vendor's Elasticsearch only, and an installation stays with the one it began with.
    const profiles = await availableVendorProfiles(instance.settings.registry);
    instance.settings.profiles = profiles.filter((profile) => profile !== 'kibana' || instance.settings.elasticsearchImage !== '');
    await instance.save();
  });
  // Docker would make it itself, and for root alone.
  if (options.logSnapshots !== undefined && options.logSnapshots !== NONE) await giveDirectory(instance, options.logSnapshots, components.elasticsearch.uid);
  const missing = vendorImages(instance.settings.registry).filter(({ profile }) => !instance.settings.profiles.includes(profile)).map(({ profile }) => profile);
  if (missing.length > 0) plain(`      ${missing.join(' and ')}: image not available here, everything else runs without (load or pull it, then run up again)`);

  if (earlier !== undefined) await replaceVersion(instance, { from: earlier, goBack: options.goBack === true }, progress);
  for (const stage of stages) await progress.step(stage.label, (say) => start(instance, stage, say));
  await progress.step('setup: databases, realm, topics, indices', async () => {
    // One that `shards add` has begun: they may have started before they were told of it.
    if (instance.settings.joiningLedger !== undefined) await tellOfAddedLedgers(instance);
    await runSetup(instance, join(logDirectory, 'setup.log'), options.goBack === true);
  });
  await progress.step(REST.label, async (say) => {
    await start(instance, { ...REST, services: [...REST.services, ...instance.settings.profiles] }, say);
    if (instance.settings.profiles.includes('kibana')) await tellKibana(instance, join(logDirectory, 'setup-kibana.log'), say);
  });
  await progress.step('first backup of every cluster', (say) => waitForFirstBackups(instance, say));
  const proof = await progress.step('proof: a transfer through all of it', () => proveOnce(instance));
  await forgetUpgrade(instance);

  plain(`\nHoldfast is up (${progress.elapsed()}). ${proof}`);
  plain(`  Open     ${instance.url}/docs\n  Sign in  ./holdfast credentials\n  Look     ./holdfast status`);
}

/** The proof leaves two accounts behind, so it is made once for the same running containers: `up` run again changes nothing. */
async function proveOnce(instance: Instance): Promise<string> {
  const marker = join(instance.directory, 'proven');
  const running = (await containersOf(instance)).map((container) => `${container.id} ${container.startedAt.toISOString()}\n`).join('');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === running) return 'Nothing was changed since the last proof.';
  const proof = await proveTransfer(instance);
  await writeFile(marker, running, { mode: 0o600 });
  return proof;
}

/** Brings databases, topics, indices and the realm to what this version declares. */
export async function runSetup(instance: Instance, logFile: string, goBack = false): Promise<void> {
  const outcome = await setUp(instance, { logFile, goBack });
  if (outcome.exitCode !== 0) throw new UserError('the setup job failed. The end of its log:', [...(await lastLines(logFile)), `All of it:  less ${logFile}`, 'When it is mended, go on with:  ./holdfast up']);
}

/** The auditor's searches and dashboards. Nothing depends on Kibana, so that what it refuses is told and stops nobody. */
async function tellKibana(instance: Instance, logFile: string, say: (detail: string) => void): Promise<void> {
  say('searches and dashboards of Kibana');
  const outcome = await setUp(instance, { logFile, only: 'kibana' });
  if (outcome.exitCode !== 0) plain(`      note: Kibana runs without the searches and dashboards of this version. Why:  less ${logFile}\n        Once that is mended:  ./holdfast up`);
}

export async function start(instance: Instance, stage: Omit<Stage, 'label'>, say: (detail: string) => void): Promise<void> {
  const scaled = currentScale(instance, stage.services);
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', ...scaled, ...stage.services]);
  await waitUntilHealthy(instance, stage.services, stage.budgetSeconds, say);
  await loadNewCertificates(instance, stage, say);
}

/** A certificate that was issued after its component started is in use after a restart only; one at a time, a cluster's second node first. */
async function loadNewCertificates(instance: Instance, stage: Omit<Stage, 'label'>, say: (detail: string) => void): Promise<void> {
  const outdated = (await containersOf(instance)).filter(({ service, startedAt }) => stage.services.includes(service) && certificateTime(instance, service) > startedAt);
  for (const service of [...new Set(outdated.map((container) => container.service))].toSorted().toReversed()) {
    say(`new certificate of ${service}`);
    await instance.compose(['restart', service]);
    await waitUntilHealthy(instance, [service], stage.budgetSeconds, say);
  }
}

function certificateTime(instance: Instance, service: string): Date {
  return statSync(join(instance.directory, 'secrets', service, 'tls.crt')).mtime;
}

/** Compose would take scaled services back to one replica: keep what `scale` set. */
function currentScale(instance: Instance, services: readonly string[]): string[] {
  return Object.entries(instance.settings.replicas)
    .filter(([service]) => services.includes(service))
    .flatMap(([service, count]) => ['--scale', `${service}=${count}`]);
}

/** The vendor's image when it can be had, else, said by an empty name, the one that is built here. */
async function chooseElasticsearch(registry: string): Promise<string> {
  const vendor = process.env.HOLDFAST_ELASTICSEARCH_IMAGE ?? vendorElasticsearch(registry);
  return (await isAvailable(vendor)) ? vendor : '';
}

function applyOptions(instance: Instance, options: UpOptions): void {
  if (options.host) instance.settings.host = options.host;
  if (options.port) instance.settings.port = options.port;
  if (options.bind) instance.settings.bind = options.bind;
  if (options.logsKept !== undefined) instance.settings.logsKeptDays = options.logsKept;
  if (options.logSnapshots === NONE) delete instance.settings.logSnapshots;
  else if (options.logSnapshots !== undefined) instance.settings.logSnapshots = options.logSnapshots;
  if (options.registry !== undefined) instance.settings.registry = options.registry && `${options.registry.replace(/\/+$/, '')}/`;
}

function refuseErrors(findings: readonly Finding[]): void {
  for (const finding of findings.filter(({ verdict }) => verdict === 'warning')) plain(`      note: ${finding.message}\n        ${finding.mend.join('\n        ')}`);
  const errors = findings.filter(({ verdict }) => verdict === 'error');
  const [first, ...others] = errors;
  if (!first) return;
  throw new UserError(`cannot start: ${first.message}.`, [
    ...first.mend,
    ...others.flatMap((finding) => [`Also: ${finding.message}`, ...finding.mend.map((line) => `  ${line}`)]),
    `Nothing was changed. (preflight check ${errors.map(({ check }) => check).join(', ')}; all of them: ./holdfast doctor)`,
  ]);
}

function parseHost(text: string): string {
  if (!/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(text)) throw new InvalidArgumentError('a host name in small letters, such as bank.example, without https://.');
  return text;
}

/** An address that this machine has: the toolbox shares the host's network. */
function parseAddress(text: string): string {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []);
  if (isIPv4(text) && (text === '0.0.0.0' || own.includes(text))) return text;
  throw new InvalidArgumentError(`an IPv4 address of this machine: ${['0.0.0.0', ...own.filter((address) => isIPv4(address))].join(', ')}.`);
}

function parseRegistry(text: string): string {
  if (text.includes('://') || /\s/.test(text)) throw new InvalidArgumentError('a registry and prefix without https://, such as images.bank.example/holdfast.');
  return text;
}

function parseDays(text: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new InvalidArgumentError('a number of days from 1 to 9999.');
  return Number(text);
}

function parseDirectory(text: string): string {
  if (text !== NONE && !isAbsolute(text)) throw new InvalidArgumentError('an absolute path, such as /mnt/other/snapshots, or "none".');
  return text;
}

/** For commander: throws what it tells the caller. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError('a port is a whole number from 1 to 65535.');
  return port;
}
