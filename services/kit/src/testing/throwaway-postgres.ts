import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { glob, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Database, type DatabaseOptions } from '../postgres.ts';

const run = promisify(execFile);

/** For tests: a Postgres of the product's own image in a container, in memory, with mutual TLS as in the product, gone after `stop`. */
export class ThrowawayPostgres {
  private readonly container: string;
  private readonly directory: string;
  private readonly ports: readonly number[];
  private readonly databases: Database[] = [];

  private constructor(container: string, directory: string, ports: readonly number[]) {
    this.container = container;
    this.directory = directory;
    this.ports = ports;
  }

  /**
   * Starts it with one database, owned by `setup` and migrated from the SQL files of a directory, as the setup job does. With `clock`, its clock can be set
   * (`setClock`): by libfaketime, which has to be installed where the test runs. Beside it, in the same container, there is room for one that is a copy of it
   * (`past-of-postgres.ts`).
   */
  static async start(options: { database: string; role: string; migrations: string; shard?: number; memory?: string; clock?: true }): Promise<ThrowawayPostgres> {
    const container = `holdfast-test-postgres-${randomBytes(4).toString('hex')}`;
    const version = (await readFile(new URL('../../../../platform/versions.env', import.meta.url), 'utf8')).match(/^HOLDFAST_VERSION=(.+)$/m)?.[1];
    await run('docker', ['create', '--rm', '--name', container, '--memory', options.memory ?? '512m', ...[5432, PORT_OF_COPY].flatMap((port) => ['--publish', `127.0.0.1::${port}`]),
      '--tmpfs', '/var/lib/postgresql:uid=6110,gid=6110,mode=0700', '--tmpfs', '/run/postgresql:uid=6110,gid=6110,mode=0700',
      `holdfast/postgres:${version}`, 'sh', '-c', START, 'start', options.role]);
    try {
      if (options.clock) await run('docker', ['cp', await fakeTime(), `${container}:${FAKE_TIME}`]);
      await run('docker', ['start', container]);
      const ports = await Promise.all([5432, PORT_OF_COPY].map(async (port) => Number((await run('docker', ['port', container, `${port}/tcp`])).stdout.trim().split(':').at(-1))));
      const postgres = new ThrowawayPostgres(container, await mkdtemp(join(tmpdir(), 'holdfast-test-')), ports);
      await postgres.untilUp();
      await postgres.saveCertificates(options.role);
      await postgres.sql('postgres', `CREATE ROLE setup LOGIN; CREATE ROLE ${options.role} LOGIN;`);
      await postgres.sql('postgres', `CREATE DATABASE ${options.database} OWNER setup`);
      await postgres.sql('postgres', 'ALTER SCHEMA public OWNER TO setup; REVOKE ALL ON SCHEMA public FROM PUBLIC', options.database);
      for (const file of (await readdir(options.migrations)).filter((name) => name.endsWith('.sql')).sort()) {
        const text = await readFile(join(options.migrations, file), 'utf8');
        await postgres.sql('setup', `BEGIN; SELECT set_config('holdfast.shard', '${options.shard ?? 0}', true); ${text}; COMMIT;`, options.database);
      }
      return postgres;
    } catch (cause) {
      await run('docker', ['rm', '--force', container]).catch(() => undefined);
      throw cause;
    }
  }

  /** A connection pool of the kit, as the service would open it: of the server itself, or of the copy beside it. */
  database(options: Pick<DatabaseOptions, 'database' | 'user'> & Partial<DatabaseOptions>, of: 'itself' | 'copy' = 'itself'): Database {
    const database = new Database({ ...options, address: { host: 'localhost', port: this.ports[of === 'itself' ? 0 : 1] ?? 0 }, directory: join(this.directory, options.user) });
    this.databases.push(database);
    return database;
  }

  /** What a shell script prints that runs in the container, as the server's user; `$1` and so on are its arguments. */
  async shell(script: string, ...args: string[]): Promise<string> {
    return (await run('docker', ['exec', this.container, 'sh', '-euc', script, 'sh', ...args])).stdout.trim();
  }

  /** Runs SQL inside the container, as a role of one's choice. Rejects with what psql says. */
  async sql(role: string, text: string, database = 'postgres'): Promise<string> {
    const child = run('docker', ['exec', '--interactive', this.container, 'psql', '--no-psqlrc', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-U', role, '-d', database, '-f', '-']);
    child.child.stdin?.end(text);
    return (await child).stdout.trim();
  }

  /** Puts the clock of the server ahead of the real one, or behind, at once. */
  async setClock(ahead_s: number): Promise<void> {
    await run('docker', ['exec', this.container, 'sh', '-c', `printf '%+d\\n' ${Math.round(ahead_s)} > ${CLOCK}.new && mv ${CLOCK}.new ${CLOCK}`]);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.databases.map((database) => database.close()));
    await run('docker', ['rm', '--force', this.container]).catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }

  private async untilUp(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      // Over TCP, as the server that initdb starts for itself listens on the socket only.
      const up = await run('docker', ['exec', this.container, 'pg_isready', '-q', '-h', '127.0.0.1']).then(() => true, () => false);
      if (up) return;
      if (Date.now() > deadline) {
        const { stdout, stderr } = await run('docker', ['logs', '--tail', '20', this.container]).catch(() => ({ stdout: '', stderr: 'the container is gone' }));
        throw new Error(`the test Postgres did not start: ${stdout}${stderr}`);
      }
      await sleep(200);
    }
  }

  private async saveCertificates(role: string): Promise<void> {
    await mkdir(join(this.directory, role), { recursive: true });
    for (const [name, path] of [['ca.crt', 'ca.crt'], ['tls.crt', 'client.crt'], ['tls.key', 'client.key']] as const) {
      const { stdout } = await run('docker', ['exec', this.container, 'cat', `/var/lib/postgresql/tls/${path}`]);
      await writeFile(join(this.directory, role, name), stdout, { mode: 0o600 });
    }
  }
}

/** Where a copy is served. */
export const PORT_OF_COPY = 5433;
/** How a server here lets its clients in. */
export const SERVED = `-c listen_addresses='*' -c fsync=off -c ssl=on -c ssl_ca_file=/var/lib/postgresql/tls/ca.crt \
  -c ssl_cert_file=/var/lib/postgresql/tls/server.crt -c ssl_key_file=/var/lib/postgresql/tls/server.key`;
const FAKE_TIME = '/usr/lib/libfaketime.so.1';
const CLOCK = '/var/lib/postgresql/clock';

/** Of Debian's package, beside the other libraries of the machine's kind. */
async function fakeTime(): Promise<string> {
  for await (const path of glob('/usr/lib/*/faketime/libfaketime.so.1')) return path;
  throw new Error('libfaketime is not installed here: apt-get install libfaketime, or run the test in the tests image');
}

// $1 is the role for which a client certificate is made: its common name, as everywhere in the platform.
const START = `set -eu
mkdir -p /var/lib/postgresql/tls; cd /var/lib/postgresql/tls; umask 077
# Whatever the clock of the server says.
valid='-not_before 20000101000000Z -not_after 20990101000000Z'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout ca.key -out ca.crt $valid -subj /CN=ca 2>/dev/null
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copy $valid -out "$1.crt" 2>/dev/null
}
certificate server localhost
certificate client "$1"
initdb --auth=trust --username=postgres --no-sync >/dev/null
printf '%s\\n' 'local all all trust' 'hostssl all all all cert' > "$PGDATA/pg_hba.conf"
if [ -e ${FAKE_TIME} ]; then
  echo +0 > ${CLOCK}
  export LD_PRELOAD=${FAKE_TIME} FAKETIME_TIMESTAMP_FILE=${CLOCK} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1
fi
exec postgres ${SERVED}`;
