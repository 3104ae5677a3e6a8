import type { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiClient } from '../../platform/cli/api/client.ts';
import { signIn } from '../../platform/cli/api/sign-in.ts';
import { containersOf } from '../../platform/cli/containers.ts';
import type { Instance } from '../../platform/cli/instance.ts';
import { docker, run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { CAUGHT_UP, HEALED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import type { Payer } from './load/plan.ts';

/** Nothing of what is measured asks these: they are stopped once customers are registered, so that what they do by themselves is not measured. */
const UNUSED = ['elasticsearch', 'logs', 'prometheus', 'alertmanager', 'node-exporter', 'postgres-exporter', 'redis-exporter', 'elasticsearch-exporter', 'blackbox-exporter', 'grafana', 'kibana', 'users', 'reporting', 'audit'];

/** A person's limit is raised to the most that the gateway takes, not lifted: it is asked and counted with every request. */
const LIMITS = {
  HOLDFAST_RATE_LIMIT_PER_SUBJECT_PER_MINUTE: '1000000',
  HOLDFAST_RATE_LIMIT_ANONYMOUS_PER_IP_PER_MINUTE: '100000',
  HOLDFAST_RATE_LIMIT_REGISTRATION_PER_IP_PER_MINUTE: '100000',
};

/** Both halves of a pair have it: pgbench's connections do not fit into the 384 MB that a node of Postgres has (the ledger's dozen do). */
const NODE_MEMORY = '1g';

const CUSTOMERS_A_SHARD = 8;
const ACCOUNTS_A_CUSTOMER = 64;
const OPENING_MINOR = 1_000_000_000_000n;
/** Access tokens live five minutes. */
const TOKEN_FRESH_MS = 150_000;

interface Customer {
  readonly email: string;
  readonly password: string;
  readonly accounts: readonly string[];
}

/** An installation that exists to be measured: brought up by the command line as any other, with customers on both shards. */
export class BenchInstance {
  readonly platform: Platform;
  readonly instance: Instance;
  private readonly customers: readonly (readonly Customer[])[];
  private readonly tokens = new Map<Customer, { token: string; since_ms: number }>();

  private constructor(platform: Platform, customers: readonly (readonly Customer[])[]) {
    this.platform = platform;
    this.instance = platform.instance;
    this.customers = customers;
  }

  /** `asItIs`: attaches to what runs, and brings nothing up. */
  static async start(name: string, port: number, asItIs: boolean, say: (text: string) => void): Promise<BenchInstance> {
    const up = asItIs ? undefined : await run(join(PROJECT, 'holdfast'), ['--instance', name, 'up', '--port', String(port)], { inherit: true, environment: LIMITS });
    if (up && up.exitCode !== 0) throw new Error(`./holdfast up exited ${up.exitCode}`);
    process.env.HOLDFAST_INSTANCE = name;
    const platform = await Platform.attach();
    const remembered = join(platform.instance.directory, 'bench-customers.json');
    if (!existsSync(remembered)) await writeFile(remembered, JSON.stringify(await makeCustomers(platform, say)), { mode: 0o600 });
    const bench = new BenchInstance(platform, JSON.parse(await readFile(remembered, 'utf8')) as Customer[][]);
    await bench.stopUnused();
    await bench.giveMemory();
    return bench;
  }

  static async purge(name: string): Promise<void> {
    await run(join(PROJECT, 'holdfast'), ['--instance', name, 'down', '--purge', '--yes'], { inherit: true });
  }

  get unused(): readonly string[] {
    return UNUSED;
  }

  /** All running containers, by the name of their service. */
  async containers(): Promise<Record<string, string>> {
    const running = (await containersOf(this.instance)).filter(({ health }) => health !== 'stopped');
    return Object.fromEntries(running.map(({ service, id }) => [service, id]));
  }

  /** The customers of a shard, with tokens that will last for a while. */
  async payers(shard: 0 | 1): Promise<Payer[]> {
    const payers: Payer[] = [];
    for (const customer of this.customers[shard] ?? []) {
      let known = this.tokens.get(customer);
      if (!known || Date.now() - known.since_ms > TOKEN_FRESH_MS) {
        known = { token: await signIn(this.platform.visitor.edge, customer.email, customer.password), since_ms: Date.now() };
        this.tokens.set(customer, known);
      }
      payers.push({ token: known.token, accounts: customer.accounts });
    }
    return payers;
  }

  accounts(shard: 0 | 1): string[] {
    return (this.customers[shard] ?? []).flatMap(({ accounts }) => accounts);
  }

  /** What psql prints, asked as the superuser on the leader of a shard. */
  async sql(shard: 0 | 1, sql: string, database = 'ledger'): Promise<string> {
    return (await this.platform.inside(await this.platform.leaderOf(`ledger${shard}`), 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', database, '-c', sql)).trim();
  }

  /** Of both shards: entries written so far, and what must always be zero. */
  async entriesAndSum(): Promise<{ entries: bigint; sum: bigint }> {
    const shards = await Promise.all(([0, 1] as const).map((shard) => this.sql(shard, 'SELECT sum(version), sum(balance_minor) FROM accounts')));
    const numbers = shards.map((text) => text.split('|').map((number) => BigInt(number || '0')));
    return { entries: numbers.reduce((sum, [entries = 0n]) => sum + entries, 0n), sum: numbers.reduce((sum, [, balance = 0n]) => sum + balance, 0n) };
  }

  /** Until no transfer is on its way to another shard any more. */
  async untilArrived(): Promise<void> {
    await within(CAUGHT_UP, 'transfers to another shard arrived', async () => {
      const under = await Promise.all(([0, 1] as const).map((shard) => this.sql(shard, "SELECT count(*) FROM outgoing_transfers WHERE state = 'sent'")));
      return under.every((count) => count === '0') || undefined;
    });
  }

  private async giveMemory(): Promise<void> {
    const nodes = (await containersOf(this.instance)).filter(({ service }) => service.startsWith('ledger'));
    await docker('update', '--memory', NODE_MEMORY, '--memory-swap', NODE_MEMORY, ...nodes.map(({ id }) => id));
  }

  private async stopUnused(): Promise<void> {
    const containers = (await containersOf(this.instance)).filter(({ service, health }) => UNUSED.includes(service) && health !== 'stopped');
    if (containers.length > 0) await run('docker', ['stop', '--time', '10', ...containers.map(({ id }) => id)]);
  }
}

/** As many customers on each shard: which one a person lives on is decided by his number, so some register for nothing. */
async function makeCustomers(platform: Platform, say: (text: string) => void): Promise<Customer[][]> {
  const operator = await platform.operator();
  const shards: Customer[][] = [[], []];
  while (shards.some((customers) => customers.length < CUSTOMERS_A_SHARD)) {
    const { email, password, client } = await platform.newCustomer();
    const first = await client.openAccount('EUR');
    const shard = shards[shardOf(first)] as Customer[];
    if (shard.length >= CUSTOMERS_A_SHARD) continue;
    const accounts = [first, ...(await Promise.all(Array.from({ length: ACCOUNTS_A_CUSTOMER - 1 }, () => client.openAccount('EUR'))))];
    await fund(operator, accounts);
    shard.push({ email, password, accounts });
    say(`customers: ${shards.map(({ length }) => length).join(' and ')} of ${CUSTOMERS_A_SHARD} a shard`);
  }
  return shards;
}

async function fund(operator: ApiClient, accounts: readonly string[]): Promise<void> {
  await within(HEALED, 'money for new accounts', async () => {
    await Promise.all(accounts.map((account) => operator.deposit(account, OPENING_MINOR, account as ReturnType<typeof randomUUID>)));
    return true;
  });
}

/** An account's id carries its bucket in the ten low bits of its third group; a new installation gives the lower half of 1,024 to shard 0. */
function shardOf(account: string): 0 | 1 {
  return (Number.parseInt(account.slice(14, 18), 16) & 0x3ff) < 512 ? 0 : 1;
}
