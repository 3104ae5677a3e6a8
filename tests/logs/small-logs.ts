import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { LEDGERS_AT_FIRST } from '../../platform/components.ts';
import { takeDown } from '../../platform/cli/commands/down.ts';
import { containersOf, isHealthyNow, type Container } from '../../platform/cli/containers.ts';
import { imageTag } from '../../platform/cli/images/catalogue.ts';
import { Instance } from '../../platform/cli/instance.ts';
import { docker, must, run } from '../../platform/cli/run.ts';
import { ensureSecrets } from '../../platform/cli/state/secrets.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { HEALED_AT_WORK } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Load } from './writer.ts';

/** Most that a search answers at once. */
const PAGE = 10_000;

export type Service = 'elasticsearch' | 'logs';
/** Users of Elasticsearch whose password is a secret of the installation. */
export type User = 'audit' | 'logs' | 'reader' | 'metrics' | 'kibana-server' | 'snapshots' | 'elastic';
const SECRETS: Record<User, string> = { audit: 'audit', logs: 'logs', reader: 'reader', metrics: 'metrics', 'kibana-server': 'kibana', snapshots: 'snapshots', elastic: 'superuser' };

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly body: T;
}

/** What has arrived of a writer's lines. */
export interface Arrived {
  /** Numbers of lines, each once. */
  readonly lines: ReadonlySet<number>;
  /** Documents, those that are there twice included. */
  readonly documents: number;
}

/** The way of a log line and nothing else: the product's own Elasticsearch and shipper, from its own compose files, and containers that write lines. */
export class SmallLogs {
  readonly instance: Instance;
  private readonly writers: string[] = [];

  private constructor(instance: Instance) {
    this.instance = instance;
  }

  static async start(name: string): Promise<SmallLogs> {
    const instance = await Instance.open(name);
    instance.settings.registry = process.env.HOLDFAST_REGISTRY ?? '';
    const logs = new SmallLogs(instance);
    try {
      await instance.save();
      await ensureSecrets(instance.directory, [], LEDGERS_AT_FIRST);
      await logs.startElasticsearch();
      await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'logs']);
      await logs.healthy('logs');
      return logs;
    } catch (error) {
      await logs.purge();
      throw error;
    }
  }

  private async startElasticsearch(): Promise<void> {
    await this.instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'elasticsearch']);
    await this.healthy('elasticsearch');
    await this.setUpElasticsearch();
  }

  /** The step of the setup job that is for Elasticsearch, and no other: there is nothing else to set up. */
  async setUpElasticsearch(): Promise<void> {
    await this.instance.compose(['--profile', 'setup', 'run', '--rm', '--no-deps', '--no-TTY', 'setup', 'node', '--disable-warning=ExperimentalWarning', '--input-type=module', '-e',
      "const { setUpElasticsearch } = await import('/app/platform/setup/elasticsearch.ts'); await setUpElasticsearch();"]);
  }

  /** Its disk is gone, and that of its snapshots is not; then it is made anew, empty, as `up` does. The shipper is away meanwhile, so that no line of its own comes in between. */
  async loseElasticsearch(): Promise<void> {
    await this.stop('logs');
    await this.instance.compose(['rm', '--stop', '--force', 'elasticsearch']);
    await docker('volume', 'rm', `${this.instance.name}_elasticsearch`);
    await this.startElasticsearch();
  }

  async purge(): Promise<void> {
    if (this.writers.length > 0) await run('docker', ['rm', '--force', ...this.writers]);
    await takeDown(this.instance, true);
  }

  stop(service: Service): Promise<string> {
    return this.instance.compose(['stop', '--timeout', '10', service]);
  }

  async begin(service: Service): Promise<void> {
    await this.instance.compose(['start', service]);
  }

  healthy(service: Service, budgetMs = HEALED_AT_WORK): Promise<true> {
    return within(budgetMs, `${service} to be healthy`, async () => ((await isHealthyNow(await this.container(service))) ? true : undefined));
  }

  async container(service: Service): Promise<Container> {
    const found = (await containersOf(this.instance)).find((container) => container.service === service);
    if (!found) throw new Error(`no container of ${service}`);
    return found;
  }

  /** A container of this project, as Docker keeps the lines of one: it writes, and ends. Its id. */
  async writer(load: Load): Promise<string> {
    const id = await docker('run', '--detach', '--network', 'none', '--user', '65534:65534', '--memory', '192m', '--init', '--volume', `${join(PROJECT, 'tests/logs/writer.ts')}:/writer.ts:ro`,
      '--label', `com.docker.compose.project=${this.instance.name}`, '--label', 'com.docker.compose.service=writer', ...loggingOptions(),
      imageTag(this.instance.settings.registry, 'node'), 'node', '--disable-warning=ExperimentalWarning', '/writer.ts', JSON.stringify(load));
    this.writers.push(id.trim());
    return id.trim();
  }

  /** Until it has written everything. */
  async written(writer: string): Promise<void> {
    const code = (await docker('wait', writer)).trim();
    if (code !== '0') throw new Error(`the writer exited ${code}: ${await docker('logs', '--tail', '3', writer)}`);
  }

  /** One request to Elasticsearch from inside its container, as a user of the installation. */
  async ask<T = Record<string, unknown>>(user: User, method: string, path: string, body?: object): Promise<Answer<T>> {
    const password = readFileSync(join(this.instance.directory, 'vault', `elasticsearch-${SECRETS[user]}-password`), 'utf8');
    return this.askAs<T>(`${user}:${password}`, method, path, body);
  }

  async askAs<T = Record<string, unknown>>(credentials: string, method: string, path: string, body?: object): Promise<Answer<T>> {
    const arguments_ = ['exec', '--interactive', (await this.container('elasticsearch')).id, 'curl', '-s', '-K', '-', '--max-time', '60', '--cacert', '/run/holdfast/ca.crt', '-X', method, '-w', '\\n%{http_code}',
      ...(body ? ['-H', 'content-type: application/json', '-d', JSON.stringify(body)] : []), `https://elasticsearch:9200/${path}`];
    const output = await must('docker', arguments_, { input: `user = "${credentials}"` });
    const end = output.lastIndexOf('\n');
    return { status: Number(output.slice(end + 1)), body: JSON.parse(output.slice(0, end) || '{}') as T };
  }

  /** Documents that are added, each once: one whose id is there already is passed over. */
  async bulk(user: User, index: string, documents: readonly { id: string; document: object }[]): Promise<void> {
    const lines = documents.flatMap(({ id, document }) => [{ create: { _id: id } }, document]).map((line) => `${JSON.stringify(line)}\n`);
    const password = readFileSync(join(this.instance.directory, 'vault', `elasticsearch-${SECRETS[user]}-password`), 'utf8');
    const arguments_ = ['exec', '--interactive', (await this.container('elasticsearch')).id, 'bash', '-c', 'read -r user; curl -s -K <(printf \'user = "%s"\' "$user") --max-time 60 --cacert /run/holdfast/ca.crt -H "content-type: application/x-ndjson" --data-binary @- "https://elasticsearch:9200/$0/_bulk?filter_path=items.*.status"', index];
    const { items } = JSON.parse(await must('docker', arguments_, { input: `${user}:${password}\n${lines.join('')}` })) as { items: { create: { status: number } }[] };
    const refused = items.filter(({ create }) => create.status !== 201 && create.status !== 409);
    if (refused.length > 0) throw new Error(`${refused.length} of ${documents.length} documents were refused by ${index}: ${JSON.stringify(refused[0])}`);
  }

  /** Those of log lines that are there. */
  async indices(): Promise<string[]> {
    const { body } = await this.ask<{ indices: { name: string }[] }>('elastic', 'GET', '_resolve/index/holdfast-logs-*');
    return body.indices.map(({ name }) => name);
  }

  /** Where a service is reached from this machine. */
  async addressOf(service: Service): Promise<string> {
    const addresses = JSON.parse(await docker('inspect', '--format', '{{json .NetworkSettings.Networks}}', (await this.container(service)).id)) as Record<string, { IPAddress: string }>;
    const [, network] = Object.entries(addresses).find(([name]) => name.endsWith('_services')) ?? [];
    if (!network?.IPAddress) throw new Error(`${service} is not on the network "services"`);
    return network.IPAddress;
  }

  /** Documents of a run, by what the reader's user finds. */
  async count(run_: string): Promise<number> {
    const { body } = await this.ask<{ count?: number }>('reader', 'POST', 'holdfast-logs/_count', { query: ofRun(run_) });
    if (body.count === undefined) throw new Error(`Elasticsearch: ${JSON.stringify(body).slice(0, 300)}`);
    return body.count;
  }

  /** Documents of some containers, whatever they wrote. */
  async countOf(containers: readonly string[]): Promise<number> {
    const { body } = await this.ask<{ count?: number }>('reader', 'POST', 'holdfast-logs/_count', { query: { terms: { 'container.id': containers } } });
    return body.count ?? 0;
  }

  /** Every line of a run that is there, by its number: what is missing has a number, too. */
  async arrived(run_: string): Promise<Arrived> {
    const lines = new Set<number>();
    for (let after: unknown[] | undefined; ;) {
      const page: Answer<{ hits: { hits: { sort: [string, string] }[] } }> = await this.ask('reader', 'POST', 'holdfast-logs/_search?filter_path=hits.hits.sort', {
        size: PAGE, _source: false, track_total_hits: false, query: ofRun(run_), sort: [{ 'labels.line': 'asc' }, { 'container.id': 'asc' }], ...(after && { search_after: after }),
      });
      const hits = page.body.hits?.hits ?? [];
      for (const { sort } of hits) lines.add(Number(sort[0]));
      after = hits.at(-1)?.sort;
      if (hits.length < PAGE) return { lines, documents: await this.count(run_) };
    }
  }

  /** Until as many documents of a run are there as lines were written; what has arrived then, or at the end of the budget. */
  async whenArrived(run_: string, lines: number, budgetMs: number): Promise<Arrived> {
    await within(budgetMs, `${lines} lines to be searchable`, async () => ((await this.count(run_)) >= lines ? true : undefined)).catch(() => undefined);
    return this.arrived(run_);
  }
}

function ofRun(name: string): object {
  return { term: { 'labels.run': name } };
}

/** As `platform/base/compose.yml` has Docker keep the lines of every component. */
function loggingOptions(): string[] {
  const { services } = parse(readFileSync(join(PROJECT, 'platform/base/compose.yml'), 'utf8')) as { services: { component: { logging: { driver: string; options: Record<string, string> } } } };
  const { driver, options } = services.component.logging;
  return ['--log-driver', driver, ...Object.entries(options).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`])];
}
