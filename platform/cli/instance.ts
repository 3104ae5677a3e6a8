import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Receiver } from '../alertmanager/routing.ts';
import { clustersOf, ledgerAddresses, LEDGERS_AT_FIRST, type PostgresCluster } from '../components.ts';
import { UserError } from './errors.ts';
import type { BackupRepository } from '../pgbackrest/configuration.ts';
import { must, run, type Outcome, type RunOptions } from './run.ts';
import { writeWhole } from './state/write-whole.ts';
import { PROJECT, versions } from './versions.ts';

/** What the operator chose for an installation; kept in its state directory, changed by options of `up`. */
export interface Settings {
  /** Public host name: in the edge's certificate, and the OIDC issuer everywhere. */
  host: string;
  /** Public HTTPS port. */
  port: number;
  /** Address that the edge listens on. Loopback unless the operator names another. */
  bind: string;
  /** Registry that images are pulled from, ending in '/', or empty. */
  registry: string;
  /** Profiles of vendor images that are to run, such as `grafana`; `up` finds out which can be had. */
  profiles: string[];
  /** The vendor's Elasticsearch image, empty for the one built here. Chosen at the first start and kept: their indices differ. */
  elasticsearchImage?: string;
  /** Where Docker keeps containers, and so their logs. */
  dockerRoot: string;
  /** Who is told of alerts; their addresses and keys are files of Alertmanager. */
  receivers?: Receiver[];
  /** Replicas of a service, where `scale` set another number than one. */
  replicas: Record<string, number>;
  /** The second repository of backups, where `backups add-repository` has added one. */
  backupRepository?: BackupRepository;
  /** A directory of the host that gets the checkpoints of the audit trail as well. */
  auditSecondPlace?: string;
  /** Days that log lines and their snapshots are kept, where `up --logs-kept` has set another number than the compose files. */
  logsKeptDays?: number;
  /** A directory of the host for snapshots of log lines, instead of a volume on Docker's disk. */
  logSnapshots?: string;
  /** Shards of the ledger, each a Postgres cluster. `shards add` adds one; there is no way back to fewer. */
  ledgers: number;
  /** The shard that `shards add` has begun to add, until it has joined. */
  joiningLedger?: number;
}

export const defaultSettings: Settings = { host: 'localhost', port: 8443, bind: '127.0.0.1', registry: '', profiles: [], replicas: {}, dockerRoot: '/var/lib/docker', ledgers: LEDGERS_AT_FIRST };

/** One installation on this machine: its name, its state directory, its compose project. */
export class Instance {
  readonly name: string;
  readonly directory: string;
  readonly settings: Settings;
  /** The port it was started with, whatever an option of this command has made of `settings.port`. */
  readonly portInUse: number;

  private constructor(name: string, directory: string, settings: Settings) {
    this.portInUse = settings.port;
    this.name = name;
    this.directory = directory;
    this.settings = settings;
  }

  static async open(name: string): Promise<Instance> {
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
      throw new UserError(`"${name}" cannot name an instance: use small letters, digits and dashes, a letter first.`, [], 2);
    }
    const directory = join(PROJECT, '.holdfast', name);
    return new Instance(name, directory, { ...defaultSettings, ...(await readSettings(join(directory, 'settings.json'))) });
  }

  /** The instance that the command line names. */
  static named(command: Command): Promise<Instance> {
    return Instance.open(command.optsWithGlobals<{ instance: string }>().instance);
  }

  /** The same, for commands that make sense only where it has been started once. */
  static async existing(command: Command): Promise<Instance> {
    const instance = await Instance.named(command);
    if (!instance.exists) throw new UserError(`there is no instance "${instance.name}" here.`, ['Start one:  ./holdfast up']);
    return instance;
  }

  get exists(): boolean {
    return existsSync(join(this.directory, 'settings.json'));
  }

  get url(): string {
    const port = this.settings.port === 443 ? '' : `:${this.settings.port}`;
    return `https://${this.settings.host}${port}`;
  }

  /** The certificate of the private authority, for anybody to read and trust. */
  get caFile(): string {
    return join(this.directory, 'ca.crt');
  }

  /** Names and addresses under which people reach the edge. */
  get publicNames(): string[] {
    const bind = this.settings.bind === '0.0.0.0' ? [] : [this.settings.bind];
    return [...new Set([this.settings.host, 'localhost', '127.0.0.1', ...bind])];
  }

  /** Its Postgres clusters, by name. */
  get clusters(): Record<string, PostgresCluster> {
    return clustersOf(this.settings.ledgers);
  }

  /** Writes the settings and the variables that the compose files interpolate. */
  async save(): Promise<void> {
    await mkdir(join(this.directory, 'log'), { recursive: true, mode: 0o711 });
    // Mounted into audit: Docker would make it itself, without a mode of ours.
    await mkdir(join(this.directory, 'operator-log'), { recursive: true, mode: 0o755 });
    await writeWhole(join(this.directory, 'settings.json'), JSON.stringify(this.settings, null, 2) + '\n');
    const lines = Object.entries(this.composeVariables()).map(([name, value]) => `${name}=${value}`);
    await writeWhole(this.composeFile, lines.join('\n') + '\n');
  }

  composeVariables(): Record<string, string> {
    return {
      ...versions,
      HOLDFAST_INSTANCE: this.name,
      HOLDFAST_STATE: this.directory,
      HOLDFAST_REGISTRY: this.settings.registry,
      HOLDFAST_HOST: this.settings.host,
      HOLDFAST_PORT: String(this.settings.port),
      HOLDFAST_BIND: this.settings.bind,
      HOLDFAST_URL: this.url,
      HOLDFAST_DOCKER_ROOT: this.settings.dockerRoot,
      HOLDFAST_AUDIT_SECOND: this.settings.auditSecondPlace === undefined ? 'none' : 'configured',
      HOLDFAST_AUDIT_SECOND_PLACE: this.settings.auditSecondPlace ?? '',
      HOLDFAST_LOGS_KEPT_DAYS: String(this.settings.logsKeptDays ?? ''),
      HOLDFAST_LOG_SNAPSHOTS: this.settings.logSnapshots ?? '',
      HOLDFAST_LEDGER_ADDRESSES: ledgerAddresses(this.settings.ledgers).join(','),
      HOLDFAST_ELASTICSEARCH_IMAGE: this.settings.elasticsearchImage ?? '',
      HOLDFAST_SECOND_REPOSITORY: this.settings.backupRepository?.kind === 'path' ? this.settings.backupRepository.path : '',
    };
  }

  /** Runs `docker compose` on this instance's project; throws when it fails. */
  compose(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return must('docker', this.composeArguments(args), this.withVariables(options));
  }

  tryCompose(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run('docker', this.composeArguments(args), this.withVariables(options));
  }

  /** The same, for a program that is watched while it runs: what to give to `docker`, and to add to its environment. */
  composeCommand(args: readonly string[]): { command: string[]; environment: Record<string, string> } {
    return { command: this.composeArguments(args), environment: this.composeVariables() };
  }

  /** Compose prefers the environment to its file, and the caller's may hold another instance's values: ours go first. */
  private withVariables(options: RunOptions): RunOptions {
    return { ...options, environment: { ...options.environment, ...this.composeVariables() } };
  }

  private get composeFile(): string {
    return join(this.directory, 'compose.env');
  }

  private composeArguments(args: readonly string[]): string[] {
    const added = Object.keys(this.clusters).slice(1 + LEDGERS_AT_FIRST);
    const profiles = [...this.settings.profiles, ...added].flatMap((profile) => ['--profile', profile]);
    const second = this.settings.backupRepository ? ['-f', join(PROJECT, `platform/pgbackrest/second-${this.settings.backupRepository.kind}.compose.yml`)] : [];
    return ['compose', '--project-directory', PROJECT, '-f', join(PROJECT, 'docker-compose.yml'), ...second, '-p', this.name, '--env-file', this.composeFile, ...profiles, ...args];
  }
}

async function readSettings(path: string): Promise<Partial<Settings>> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Partial<Settings>;
  } catch (error) {
    throw new UserError(`${path} is broken: ${(error as Error).message}`, [
      `Look:            cat ${path}`,
      `Or start from the defaults (secrets and data stay):  rm ${path}`,
    ]);
  }
}

