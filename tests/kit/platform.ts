import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiClient } from '../../platform/cli/api/client.ts';
import { signInStaff } from '../../platform/cli/api/staff.ts';
import { containersOf, isHealthyNow, type Container } from '../../platform/cli/containers.ts';
import { dockerApi } from '../../platform/cli/docker-api.ts';
import { Instance } from '../../platform/cli/instance.ts';
import { run, type Outcome } from '../../platform/cli/run.ts';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { HEALED } from './budgets.ts';
import { within } from './within.ts';

export interface Person {
  email: string;
  password: string;
  client: ApiClient;
}

/** The running platform as a test sees it: people at its edge, and hands on its containers. */
export class Platform {
  readonly instance: Instance;
  readonly visitor: ApiClient;

  private constructor(instance: Instance) {
    this.instance = instance;
    this.visitor = ApiClient.anonymous(instance);
  }

  /** Attaches to the instance that `holdfast test` has started. */
  static async attach(): Promise<Platform> {
    const instance = await Instance.open(process.env.HOLDFAST_INSTANCE ?? 'holdfast-test');
    if (!instance.exists) throw new Error(`the instance ${instance.name} is not there: run ./holdfast test --only e2e`);
    return new Platform(instance);
  }

  close(): void {
    this.visitor.edge.close();
  }

  async operator(): Promise<ApiClient> {
    return signInStaff(this.instance, this.visitor, 'operator');
  }

  async auditor(): Promise<ApiClient> {
    return signInStaff(this.instance, this.visitor, 'auditor');
  }

  /** Registers a person who never was here before, and signs him in. Where the platform asks to come again (429, 503), he does. */
  async newCustomer(): Promise<Person> {
    const person = { email: `test-${randomBytes(6).toString('hex')}@holdfast.internal`, password: randomBytes(18).toString('base64url'), given_name: 'Test', family_name: 'Customer' };
    const answer = await within(HEALED, 'a turn to register', async () => {
      const attempt = await this.visitor.register(person);
      return [429, 503].includes(attempt.status) ? undefined : attempt;
    });
    if (answer.status !== 201) throw new Error(`registration answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return { email: person.email, password: person.password, client: await this.visitor.signedIn(person.email, person.password) };
  }

  /** A customer with two accounts, the first of which holds `amountMinor`. */
  async fundedCustomer(amountMinor: bigint): Promise<Person & { from: string; to: string }> {
    const person = await this.newCustomer();
    const from = await person.client.openAccount('EUR');
    const to = await person.client.openAccount('EUR');
    await (await this.operator()).deposit(from, amountMinor);
    return { ...person, from, to };
  }

  containers(): Promise<Container[]> {
    return containersOf(this.instance);
  }

  async container(service: string): Promise<Container> {
    const found = (await this.containers()).find((container) => container.service === service);
    if (!found) throw new Error(`no container of ${service}`);
    return found;
  }

  /** Where a component listens on the network of the services, which is closed to everybody but this machine. */
  async addressOf(service: string): Promise<string> {
    const { id } = await this.container(service);
    const inspected = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${id}/json`);
    const address = Object.entries(inspected.NetworkSettings.Networks).find(([network]) => network.endsWith('_services'))?.[1].IPAddress;
    if (!address) throw new Error(`${service} is not on the network "services"`);
    return address;
  }

  /** Kills the component itself, not Docker's small init above it, by the host's process id: `docker kill` would suppress the restart policy. */
  async kill(container: Container): Promise<void> {
    await this.signal(container, 'SIGKILL');
  }

  async signal(container: Container, signal: NodeJS.Signals): Promise<void> {
    process.kill(await mainProcess(container.pid), signal);
  }

  async stop(service: string): Promise<void> {
    await this.instance.compose(['stop', '--timeout', '10', service]);
  }

  async start(service: string): Promise<void> {
    await this.instance.compose(['start', service]);
  }

  /**
   * Every container is healthy, none is restarting: by its own health check, asked now; with `--full`, when Docker says so, up to 20 s later.
   */
  async healthy(budgetMs: number): Promise<void> {
    await within(budgetMs, 'all containers healthy', async () => {
      const containers = await this.containers();
      const verdicts = await Promise.all(containers.map((container) => (process.env.HOLDFAST_FULL ? container.health === 'healthy' : isHealthyNow(container))));
      const ill = containers.filter((_, index) => !verdicts[index]);
      if (ill.length > 0) throw new Error(ill.map((container) => `${container.service} ${container.health}`).join(', '));
      return true;
    });
  }

  /** The command line of the product, on this instance; whatever its exit status. */
  command(...words: string[]): Promise<Outcome> {
    return run('node', ['--disable-warning=ExperimentalWarning', join(PROJECT, 'platform/cli/main.ts'), '--instance', this.instance.name, ...words]);
  }

  /** What a program prints inside a container. */
  async inside(service: string, ...command: string[]): Promise<string> {
    const outcome = await run('docker', ['exec', (await this.container(service)).id, ...command]);
    if (outcome.exitCode !== 0) throw new Error(`in ${service}: ${command[0]} exited ${outcome.exitCode}: ${outcome.stderr.slice(-500)}`);
    return outcome.stdout;
  }

  /** Rows of a query, as objects, asked on the leader of a Postgres cluster by the local superuser. */
  async query<T>(cluster: 'core' | `ledger${number}`, database: string, sql: string): Promise<T[]> {
    const leader = await this.leaderOf(cluster);
    const output = await this.inside(leader, 'psql', '-X', '-q', '-A', '-t', '-h', '/run/postgresql', '-U', 'postgres', '-d', database, '-c', `SELECT coalesce(json_agg(t), '[]') FROM (${sql}) t`);
    return JSON.parse(output) as T[];
  }

  async leaderOf(cluster: string): Promise<string> {
    for (const node of [`${cluster}-a`, `${cluster}-b`]) {
      const status = await this.inside(node, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', '/run/holdfast/ca.crt', `https://${node}:8008/primary`).catch(() => '');
      if (status === '200') return node;
    }
    throw new Error(`${cluster} has no leader`);
  }

  /** A search of Elasticsearch, as the user that Kibana shows. */
  async search<T>(index: string, body: object): Promise<T[]> {
    const answer = await this.askElasticsearch<{ hits?: { hits: { _source: T }[] } }>(`${index}/_search`, body);
    if (!answer.hits) throw new Error(`Elasticsearch: ${JSON.stringify(answer).slice(0, 400)}`);
    return answer.hits.hits.map((hit) => hit._source);
  }

  /** How many documents a query finds. */
  async count(index: string, body: object): Promise<number> {
    const answer = await this.askElasticsearch<{ count?: number }>(`${index}/_count`, body);
    if (answer.count === undefined) throw new Error(`Elasticsearch: ${JSON.stringify(answer).slice(0, 400)}`);
    return answer.count;
  }

  private async askElasticsearch<T>(path: string, body: object): Promise<T> {
    const password = await readSecret(this.instance.directory, 'elasticsearch-reader-password');
    const outcome = await run('docker', ['exec', '-i', (await this.container('elasticsearch')).id, 'curl', '-s', '-K', '-', '--cacert', '/run/holdfast/ca.crt', '-H', 'content-type: application/json', '-d', JSON.stringify(body), `https://elasticsearch:9200/${path}`], { input: `user = "reader:${password}"` });
    return JSON.parse(outcome.stdout) as T;
  }

  /** Value of each series of an instant query of Prometheus. */
  async prometheus(query: string): Promise<{ metric: Record<string, string>; value: number }[]> {
    const output = await this.inside('prometheus', 'curl', '-s', '--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key', '--get', '--data-urlencode', `query=${query}`, 'https://prometheus:9090/api/v1/query');
    const answer = JSON.parse(output) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }
}

/** The process below Docker's init, or the given one where there is none. */
async function mainProcess(pid: number): Promise<number> {
  const children = readFileSync(join('/proc', String(pid), 'task', String(pid), 'children'), 'utf8').trim().split(' ').filter(Boolean);
  const name = readFileSync(join('/proc', String(pid), 'comm'), 'utf8').trim();
  return ['docker-init', 'tini'].includes(name) && children[0] ? Number(children[0]) : pid;
}
