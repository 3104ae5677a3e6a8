import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Address } from './config.ts';
import { log } from './logging.ts';
import { Problem, unavailable } from './problem.ts';
import { readTls, SECRETS_DIRECTORY, watchTls } from './tls.ts';
import { currentTraceparent } from './trace.ts';

/** What a query can be asked of: the database itself, or one transaction of it. */
export interface Connection {
  /**
   * Rows of one statement. Parameters are $1, $2...; `bigint` columns come as `bigint`, timestamps as `Date`. With a `name` the statement is
   * prepared once a connection (and carries no trace comment, as its text must stay the same).
   */
  query<Row extends object = Record<string, unknown>>(sql: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
}

export interface DatabaseOptions {
  readonly address: Address;
  readonly database: string;
  /** The role: must equal the common name of the certificate in `directory`. */
  readonly user: string;
  readonly directory?: string;
  readonly connectionsMax?: number;
  readonly statementTimeoutMs?: number;
  /** After this long without an answer the connection is given up, whatever the server still does with it; a second more than the statement's by default. */
  readonly queryTimeoutMs?: number;
  /** Where names without a schema are looked for, if not in `public`. */
  readonly schema?: string;
}

/** Where nobody answers, or a leader that may not write yet, a service tries again so soon: each try costs both sides a handshake, at the moment when Postgres needs the processor most. */
const TRY_AGAIN_MS = 100;

// 20 is int8. Money and sequences are 64-bit: a double would lose digits silently.
const types = { getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === 20 ? BigInt : pg.types.getTypeParser(oid, format as 'text')) };

/**
 * Does `work` under an advisory lock, or nothing if somebody else has it: then the answer is undefined. The lock is of the session, so `connection` must be one;
 * if that breaks, the lock goes with it. Any numbers will do as its name, or a text, as long as nobody else takes them in the same database.
 */
export async function underLock<T>(connection: Connection, name: readonly [number, number?] | string, work: () => Promise<T>): Promise<T | undefined> {
  const values = typeof name === 'string' ? [name] : name;
  const places = typeof name === 'string' ? 'hashtextextended($1, 0)' : name.map((_, index) => `$${index + 1}`).join(', ');
  const [lock] = await connection.query<{ taken: boolean }>(`select pg_try_advisory_lock(${places}) as taken`, values);
  if (!lock?.taken) return undefined;
  try {
    return await work();
  } finally {
    // On a broken session this fails, and the lock is gone with the session anyway.
    await connection.query(`select pg_advisory_unlock(${places})`, values).catch(() => undefined);
  }
}

/** One Postgres database, reached through pg-router with a client certificate; the server's is verified against its host name. */
export class Database implements Connection {
  readonly name: string;
  private readonly pool: pg.Pool;
  /** Connections that were made and are not lost. */
  private readonly living = new Set<pg.PoolClient>();
  /** The one that is being made while there is none. */
  private first: Promise<void> | undefined;
  private tried_ms = -Infinity;
  private readonly stopWatching: () => void;

  constructor(options: DatabaseOptions) {
    const directory = options.directory ?? SECRETS_DIRECTORY;
    this.name = options.database;
    const statementTimeoutMs = options.statementTimeoutMs ?? 5_000;
    const settings: pg.PoolConfig = {
      host: options.address.host,
      port: options.address.port,
      database: options.database,
      user: options.user,
      // `host` also becomes the name that the certificate is checked against: pg hands it to tls.connect.
      ssl: { ...readTls(directory), rejectUnauthorized: true },
      max: options.connectionsMax ?? 10,
      application_name: options.user,
      ...(options.schema !== undefined && { options: `-c search_path=${options.schema}` }),
      statement_timeout: statementTimeoutMs,
      // A server that is frozen, or cut off, keeps no time-out itself.
      query_timeout: options.queryTimeoutMs ?? statementTimeoutMs + 1_000,
      idle_in_transaction_session_timeout: 10_000,
      connectionTimeoutMillis: 3_000,
      // Connections are replaced now and then, so that they spread anew after a switch of leader.
      maxLifetimeSeconds: 600,
      // None is closed for being idle: a new one needs a name lookup and a handshake, at the moment when something else may be down.
      idleTimeoutMillis: 0,
      keepAlive: true,
      types: types as unknown as pg.CustomTypesConfig,
    };
    this.pool = new pg.Pool(settings);
    this.pool.on('connect', (client) => this.living.add(client));
    this.pool.on('remove', (client) => this.living.delete(client));
    // An idle connection that breaks (failover) must not end the process; the pool has already dropped it.
    this.pool.on('error', (cause) => log.warn('an idle database connection was lost', { 'db.name': this.name }, cause));
    this.stopWatching = watchTls((identity) => { this.pool.options.ssl = { ...identity, rejectUnauthorized: true }; }, directory);
  }

  async query<Row extends object = Record<string, unknown>>(sql: string, values: readonly unknown[] = [], name?: string): Promise<Row[]> {
    return this.lend(async (client) => (await client.query<Row>(statement(sql, values, name))).rows, () => Promise.resolve());
  }

  /**
   * Runs `work` in one transaction: committed when it returns, rolled back when it throws. If the connection is lost during the commit the
   * outcome is unknown: callers stand on idempotency keys, not on this answer.
   */
  async transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.session(async (connection) => {
      await connection.query('begin');
      const result = await work(connection);
      await connection.query('commit');
      return result;
    });
  }

  /** Lends one connection for as long as `work` takes. It is thrown away if `work` fails and cannot be rolled back, and an open transaction with it. */
  async session<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.lend((client) => work({
      query: async <Row extends object>(sql: string, values: readonly unknown[] = [], name?: string) => (await client.query<Row>(statement(sql, values, name))).rows,
    }), (client) => client.query('rollback'));
  }

  /** A refused statement leaves a good connection behind once `mend` is done; one that was lost is not worth waiting for. */
  private async lend<T>(work: (client: pg.PoolClient) => Promise<T>, mend: (client: pg.PoolClient) => Promise<unknown>): Promise<T> {
    const client = await this.connect();
    const lost = (cause: Error): void => log.warn('a database connection was lost in use', { 'db.name': this.name }, cause);
    client.on('error', lost);
    let broken: boolean | Error = false;
    try {
      return await work(client);
    } catch (cause) {
      const told = translated(cause, this.name);
      if (told instanceof Problem && told !== cause) broken = true;
      else await mend(client).catch((failure: Error) => { broken = failure; });
      throw told;
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }

  /** While there is no connection, one is made at a time, and all who wait share what becomes of it. */
  private async connect(): Promise<pg.PoolClient> {
    try {
      if (this.living.size === 0) {
        this.first ??= this.makeFirst().finally(() => { this.first = undefined; });
        await this.first;
      }
      return await this.pool.connect();
    } catch (cause) {
      throw translated(cause, this.name);
    }
  }

  private async makeFirst(): Promise<void> {
    await sleep(Math.max(0, this.tried_ms + TRY_AGAIN_MS - performance.now()));
    try {
      (await this.pool.connect()).release();
    } finally {
      this.tried_ms = performance.now();
    }
  }

  /**
   * Hears what is sent to a channel by NOTIFY, on a connection of its own: `onNotice` is called for each, and once when it begins to hear, as what was sent
   * before is lost. Ends when told to, and rejects when the connection is lost: then it is for the caller to begin again.
   */
  async listen(channel: string, onNotice: () => void, signal: AbortSignal): Promise<void> {
    const client = await this.connect();
    try {
      await new Promise<void>((resolve, reject) => {
        client.on('error', reject);
        client.on('end', () => reject(new Error('the connection has ended')));
        client.on('notification', onNotice);
        signal.addEventListener('abort', () => resolve(), { once: true });
        client.query(`listen ${client.escapeIdentifier(channel)}`).then(onNotice, reject);
        if (signal.aborted) resolve();
      });
    } finally {
      client.release(true);
    }
  }

  async ping(): Promise<void> {
    await this.query('select 1');
  }

  async close(): Promise<void> {
    this.stopWatching();
    await this.pool.end();
  }
}

function statement(sql: string, values: readonly unknown[], name: string | undefined): pg.QueryConfig {
  if (name !== undefined) return { name, text: sql, values: [...values] };
  const traceparent = currentTraceparent();
  // The form of sqlcommenter (https://google.github.io/sqlcommenter/spec/): a slow statement in Postgres' log leads to its trace.
  return { text: traceparent === undefined ? sql : `${sql} /*traceparent='${traceparent}'*/`, values: [...values] };
}

// Classes 08 (connection), 53 (resources), 57P (shutdown, failover), and 25006: a former leader that is read-only by now.
const away = /^(08...|53...|57P0.|25006|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
const awayWords = /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|connection timeout|before secure TLS connection|not queryable|SSL connection/i;

/** A lost or refused connection and a statement that took too long become 503 with Retry-After; all else stays as it was. */
export function translated(cause: unknown, database: string): unknown {
  if (!(cause instanceof Error) || cause instanceof Problem) return cause;
  const code = (cause as { code?: unknown }).code;
  if ((typeof code === 'string' && away.test(code)) || awayWords.test(cause.message)) {
    return unavailable('database_unavailable', `The database "${database}" cannot be reached`, { cause });
  }
  if (code === '57014') return unavailable('database_timeout', `The database "${database}" took too long`, { cause });
  return cause;
}

/** True for a violated unique constraint, of that name if one is given. */
export function violatesUnique(cause: unknown, constraint?: string): boolean {
  const error = cause as { code?: unknown; constraint?: unknown } | null;
  return error?.code === '23505' && (constraint === undefined || error.constraint === constraint);
}
