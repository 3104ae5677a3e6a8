import { run } from '../../platform/cli/run.ts';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import { EVERYWHERE } from './budgets.ts';
import { readTopicsSince } from './events.ts';
import type { Platform } from './platform.ts';

/** A place where the platform writes down what happens, and what it wrote. */
export interface Place {
  readonly name: string;
  readonly text: string;
}

/** What was written since an instant: to the log of every container, every index of Elasticsearch, every topic of Kafka. And the names of all time series there are. */
export async function everyPlaceSince(platform: Platform, since: Date): Promise<Place[]> {
  const [logs, indices, topics, metrics] = await Promise.all([logsSince(platform, since), documentsSince(platform, since), readTopicsSince(platform, since, EVERYWHERE), seriesOf(platform)]);
  return [...logs, ...indices, ...[...topics].map(([topic, texts]) => ({ name: `topic ${topic}`, text: texts.join('\n') })), { name: 'metrics', text: metrics }];
}

async function logsSince(platform: Platform, since: Date): Promise<Place[]> {
  return Promise.all((await platform.containers()).map(async ({ id, service }) => {
    const { exitCode, stdout, stderr } = await run('docker', ['logs', '--since', since.toISOString(), id]);
    if (exitCode !== 0) throw new Error(`the log of ${service} cannot be read: ${stderr.slice(-300)}`);
    return { name: `log of ${service}`, text: stdout + stderr };
  }));
}

interface Hit {
  _index: string;
  _source: Record<string, unknown>;
}

/** Documents of every index, hidden ones too, as the superuser: read whole and searched here, as fields that are not indexed cannot be asked for. */
async function documentsSince(platform: Platform, since: Date): Promise<Place[]> {
  const query = { size: 2_000, sort: ['_doc'], query: { bool: { should: [{ range: { '@timestamp': { gte: since.toISOString() } } }, { bool: { must_not: { exists: { field: '@timestamp' } } } }] } } };
  const texts = new Map<string, string[]>();
  let page = await asSuperuser(platform, '*/_search?scroll=1m&expand_wildcards=all', query);
  while (page.hits.hits.length > 0) {
    for (const { _index, _source } of page.hits.hits) {
      const name = `index ${_index.replace(/-\d{4}\..*$/, '')}${typeof _source['service.name'] === 'string' ? ` of ${_source['service.name']}` : ''}`;
      const lines = texts.get(name) ?? [];
      lines.push(JSON.stringify(_source));
      texts.set(name, lines);
    }
    page = await asSuperuser(platform, '_search/scroll', { scroll: '1m', scroll_id: page._scroll_id });
  }
  return [...texts].map(([name, lines]) => ({ name, text: lines.join('\n') }));
}

async function asSuperuser(platform: Platform, path: string, body: object): Promise<{ _scroll_id: string; hits: { hits: Hit[] } }> {
  const password = await readSecret(platform.instance.directory, 'elasticsearch-superuser-password');
  const outcome = await run('docker', ['exec', '-i', (await platform.container('elasticsearch')).id, 'curl', '-s', '--fail-with-body', '-K', '-', '--cacert', '/run/holdfast/ca.crt', '-H', 'content-type: application/json', '-d', JSON.stringify(body), `https://elasticsearch:9200/${path}`], { input: `user = "elastic:${password}"` });
  if (outcome.exitCode !== 0) throw new Error(`Elasticsearch, ${path}: ${outcome.stdout.slice(0, 400)}${outcome.stderr.slice(0, 200)}`);
  return JSON.parse(outcome.stdout) as { _scroll_id: string; hits: { hits: Hit[] } };
}

/** Names and labels of all series: what a metrics page of any component says besides figures. */
async function seriesOf(platform: Platform): Promise<string> {
  return platform.inside('prometheus', 'curl', '-s', '--fail', '--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key', '--get', '--data-urlencode', 'match[]={__name__!=""}', 'https://prometheus:9090/api/v1/series');
}
