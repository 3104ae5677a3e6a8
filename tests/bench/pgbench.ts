import type { BenchInstance } from './bench-instance.ts';

/** More branches than clients, so that the row of a branch, which every transaction of TPC-B updates, is seldom waited for. */
export const SCALE = 64;
/** A node takes 80 connections, some twenty of which are the platform's own. */
export const CLIENTS = 48;

const DATABASE = 'pgbench';

/**
 * The yardstick: pgbench's TPC-B, as Debian packages it, in a database of its own on the leader of shard 0, so with the same Postgres, the same
 * settings, the same replica to wait for. It runs beside the server and comes through its socket, without TLS: the best case for it.
 */
export class Pgbench {
  private readonly bench: BenchInstance;

  private constructor(bench: BenchInstance) {
    this.bench = bench;
  }

  static async prepare(bench: BenchInstance, say: (text: string) => void): Promise<Pgbench> {
    const pgbench = new Pgbench(bench);
    if (await bench.sql(0, `SELECT count(*) FROM pg_database WHERE datname = '${DATABASE}'`, 'postgres') === '0') {
      say(`pgbench: filling a database of scale ${SCALE}`);
      await bench.sql(0, `CREATE DATABASE ${DATABASE}`, 'postgres');
      await pgbench.run('-i', '-q', '-s', String(SCALE));
    }
    return pgbench;
  }

  /** Transactions a second over this many seconds, connecting not counted. */
  async measure(seconds: number): Promise<number> {
    const output = await this.run('-n', '-c', String(CLIENTS), '-j', '2', '-T', String(seconds));
    const tps = /^tps = ([\d.]+) \(without initial connection time\)/m.exec(output)?.[1];
    if (tps === undefined) throw new Error(`pgbench did not say how fast it was: ${output.slice(-400)}`);
    return Number(tps);
  }

  private async run(...args: string[]): Promise<string> {
    const leader = await this.bench.platform.leaderOf('ledger0');
    return this.bench.platform.inside(leader, 'pgbench', '-h', '/run/postgresql', '-U', 'postgres', ...args, DATABASE);
  }
}
