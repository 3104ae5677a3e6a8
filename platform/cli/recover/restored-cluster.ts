import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { stanzasOf } from '../../../backups/repository-info.ts';
import { mustAnswer, readingConfiguration, type Place } from './place.ts';

const SERVER_START_BUDGET_SECONDS = 3600;
const decompress = promisify(zstdDecompress);

/** What `pgbackrest info` says of a cluster, as far as it is asked here. Times are seconds since 1970. */
export interface StanzaInfo {
  readonly name: string;
  readonly status: { readonly code: number; readonly message: string };
  /** What is wrong with each repository is said there; above it says only that something is. */
  readonly repo?: readonly { readonly status: { readonly code: number; readonly message: string } }[];
  readonly backup: readonly { readonly label: string; readonly error: boolean; readonly timestamp: { readonly start: number; readonly stop: number }; readonly info: { readonly size: number } }[];
}

/** The end of a transaction in the WAL: when, as Postgres writes it (`2026-01-31 09:59:00.123456+00`), and where. */
export interface Commit {
  readonly at: string;
  readonly lsn: string;
}

const LSN = /^[0-9A-F]+\/[0-9A-F]+$/;

/**
 * One cluster that is restored in a place of its own and replays WAL there, without Patroni, which would replay to the end whatever the target is; without an
 * address that others could reach, a replica to wait for or to follow, and without sending anything to the archive.
 */
export class RestoredCluster {
  readonly cluster: string;
  private readonly place: Place;
  private readonly serverOptions: readonly string[];
  private readonly port: number;
  private isServing = false;

  /** @param serverOptions more settings for its server, such as an address */
  constructor(cluster: string, place: Place, serverOptions: readonly string[] = [], port = 5432) {
    this.cluster = cluster;
    this.place = place;
    this.serverOptions = serverOptions;
    this.port = port;
  }

  /** Lets pgBackRest read the repository here. By standard input into a file: neither in arguments nor in the environment, where others could see it. */
  async open(passphrase: string, processes: number): Promise<void> {
    await mustAnswer(this.place, ['sh', '-c', `umask 077 && cat > ${this.place.configurationFile}`], Buffer.from(readingConfiguration(this.place, this.cluster, passphrase, processes)));
  }

  async info(): Promise<StanzaInfo | undefined> {
    return stanzasOf<StanzaInfo>((await this.backrest('--output=json', 'info')).toString()).find(({ name }) => name === this.cluster);
  }

  /** Files of WAL that the repository has, in the order of their names. */
  async archivedSegments(): Promise<string[]> {
    const listed = JSON.parse((await this.backrest('--output=json', '--recurse', 'repo-ls', `archive/${this.cluster}`)).toString()) as Record<string, unknown>;
    return Object.keys(listed).filter((path) => /(^|\/)[0-9A-F]{24}-[0-9a-f]{40}\.zst$/.test(path)).toSorted((a, b) => segmentOf(a).localeCompare(segmentOf(b)));
  }

  /** The transactions that a file of WAL has committed, in its order. */
  async commits(segmentPath: string): Promise<Commit[]> {
    const stored = await this.backrest('repo-get', `archive/${this.cluster}/${segmentPath}`);
    const file = `${this.place.temporaryDirectory}/${segmentOf(segmentPath)}`;
    await mustAnswer(this.place, ['sh', '-c', `cat > ${file}`], await decompress(stored));
    // It complains at the end of a segment that was closed early, after it has told all that is in it.
    const { stdout } = await this.place.run(['env', 'TZ=UTC', 'pg_waldump', '--rmgr=Transaction', file]);
    await mustAnswer(this.place, ['rm', file]);
    return [...stdout.toString().matchAll(/lsn: ([0-9A-F]+\/[0-9A-F]+),.* desc: COMMIT (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC/g)].map(([, lsn = '', time]) => ({ at: `${time}+00`, lsn }));
  }

  /**
   * Fills the data directory from the last backup before the target, a time or an LSN, or from the last one, and then to the end of the WAL. What an interrupted try or a restore to another
   * moment has left there is used again, or removed.
   */
  async restore(target: string | undefined): Promise<void> {
    const { dataDirectory: data } = this.place;
    // Only one that was started here: after a kill the lock file may name any process.
    if (this.isServing) await this.control('--wait', '--mode', 'immediate', 'stop');
    this.isServing = false;
    await mustAnswer(this.place, ['sh', '-c', `if [ -e ${data}/PG_VERSION ] || [ -e ${data}/backup.manifest ]; then rm -f ${data}/postmaster.pid; else rm -rf ${data}; fi; mkdir -p -m 0700 ${data}`]);
    const again = (await this.place.run(['sh', '-c', `[ -e ${data}/PG_VERSION ] || [ -e ${data}/backup.manifest ]`])).exitCode === 0;
    const type = target !== undefined && LSN.test(target) ? 'lsn' : 'time';
    await this.backrest(...(again ? ['--delta'] : []), ...(target === undefined ? [] : [`--type=${type}`, `--target=${target}`, '--target-action=promote']), 'restore');
  }

  /** Replays to the target and lets the server be its own master. Resolves with the time of the last transaction that it replayed, if there was one. */
  async replay(say: (detail: string) => void = () => undefined): Promise<string | undefined> {
    const alone = ['listen_addresses=', 'ssl=off', `unix_socket_directories=${this.place.socketDirectory}`, 'archive_command=/bin/false', 'synchronous_standby_names=', 'primary_conninfo=', 'hot_standby=on', 'logging_collector=off'];
    const options = [...alone, ...this.serverOptions].map((setting) => `-c ${setting}`).join(' ');
    // What is read out of it below is of this start alone.
    await mustAnswer(this.place, ['rm', '-f', this.logFile]);
    this.isServing = true;
    const started = await this.control('--wait', '--timeout', String(SERVER_START_BUDGET_SECONDS), '--log', this.logFile, '--options', options, 'start');
    for (let running = started.exitCode === 0; running; running = (await this.control('status')).exitCode === 0) {
      const answer = await this.place.run(this.psql('postgres', `SELECT pg_is_in_recovery(), coalesce(pg_last_xact_replay_timestamp()::text, '')`));
      const [state, reached] = answer.stdout.toString().trim().split('|');
      if (state === 'f') return /last completed transaction was at log time (.+)/.exec(await this.log())?.[1];
      if (reached) say(`at ${reached}`);
      await pause(100);
    }
    const log = await this.log();
    throw new Error(`${this.cluster} did not reach its target: ${/FATAL: .*/.exec(log)?.[0] ?? started.stderr.trim()}\n${log.split('\n').slice(-12).join('\n')}`);
  }

  /** Answer of a statement, columns separated by |, a line a row. Asked as the superuser: nobody else is here. */
  async sql(database: string, statement: string): Promise<string> {
    return (await mustAnswer(this.place, this.psql(database, statement))).toString().trim();
  }

  /** Ends the server as if nobody had restored it: its settings have nothing of this, and those that Patroni kept are not those of this installation. */
  async stop(): Promise<void> {
    const { dataDirectory: data } = this.place;
    await this.sql('postgres', 'ALTER SYSTEM RESET ALL');
    await this.sql('postgres', 'CHECKPOINT');
    const stopped = await this.control('--wait', '--timeout', '600', '--mode', 'fast', 'stop');
    if (stopped.exitCode !== 0) throw new Error(`${this.cluster} did not stop: ${stopped.stderr.trim()}`);
    await mustAnswer(this.place, ['rm', '-f', `${data}/patroni.dynamic.json`, `${data}/recovery.signal`, `${data}/standby.signal`]);
  }

  /** Ends it at once, for data that nobody needs any more. */
  async drop(): Promise<void> {
    await this.control('--wait', '--mode', 'immediate', 'stop');
    await mustAnswer(this.place, ['rm', '-rf', this.place.dataDirectory]);
  }

  private get logFile(): string {
    return `${this.place.temporaryDirectory}/${this.cluster}.log`;
  }

  private async log(): Promise<string> {
    return (await this.place.run(['cat', this.logFile])).stdout.toString();
  }

  private backrest(...args: string[]): Promise<Buffer> {
    return mustAnswer(this.place, ['pgbackrest', `--config=${this.place.configurationFile}`, ...(args.some((arg) => arg.startsWith('repo-')) ? [] : [`--stanza=${this.cluster}`]), ...args]);
  }

  private control(...args: string[]): ReturnType<Place['run']> {
    return this.place.run(['pg_ctl', '--pgdata', this.place.dataDirectory, ...args]);
  }

  private psql(database: string, statement: string): string[] {
    return ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.place.socketDirectory, '-p', String(this.port), '-U', 'postgres', '-d', database, '-c', statement];
  }
}

/** When the last transaction committed that the repository has, from the end of its WAL; nothing where no WAL has one. */
export async function lastCommitOf(cluster: Pick<RestoredCluster, 'archivedSegments' | 'commits'>): Promise<Commit | undefined> {
  for (const segment of (await cluster.archivedSegments()).toReversed()) {
    const last = (await cluster.commits(segment)).toSorted((a, b) => a.at.localeCompare(b.at)).at(-1);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** The segment's own name: timeline, log and number, 24 digits. */
function segmentOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).slice(0, 24);
}
