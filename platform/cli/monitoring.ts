import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';

/** Asks Prometheus and Alertmanager, which only holders of a certificate reach: from inside their containers, with theirs. */

export interface Alert {
  readonly name: string;
  readonly severity: string;
  /** All but the name and the severity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly hits: string;
  readonly runbookUrl: string;
  readonly since: Date;
  /** Why nobody is told of it: a silence, or an alert that says the same. */
  readonly quiet?: 'silenced' | 'inhibited';
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Firing {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: string;
  activeAt: string;
}

interface Held {
  labels: Record<string, string>;
  status: { state: string; silencedBy: string[]; inhibitedBy: string[] };
}

/** Firing alerts as Prometheus has them, the most urgent first; what Alertmanager holds back is marked, if it can be asked. */
export async function firingAlerts(instance: Instance): Promise<Alert[]> {
  const { alerts } = await askPrometheus<{ alerts: Firing[] }>(instance, '/api/v1/alerts');
  const held = await askAlertmanager<Held[]>(instance, 'GET', '/api/v2/alerts').catch((): Held[] => []);
  const keyOf = (labels: Record<string, string>): string => JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const states = new Map(held.map(({ labels, status }) => [keyOf(labels), status]));
  return alerts.filter(({ state }) => state === 'firing').map(({ labels, annotations, activeAt }): Alert => {
    const { alertname: name = '', severity = '', ...others } = labels;
    const status = states.get(keyOf(labels));
    const quiet = status?.silencedBy.length ? 'silenced' : status?.inhibitedBy.length ? 'inhibited' : undefined;
    return { name, severity, labels: others, summary: annotations.summary ?? '', hits: annotations.hits ?? '', runbookUrl: annotations.runbook_url ?? '', since: new Date(activeAt), ...(quiet && { quiet }) };
  }).toSorted((a, b) => urgency(a) - urgency(b) || a.since.getTime() - b.since.getTime());
}

function urgency({ severity, quiet }: Alert): number {
  return ['page', 'ticket', 'none'].indexOf(severity) + (quiet ? 10 : 0);
}

/** The series that an expression has now. */
export async function queryMetrics(instance: Instance, expression: string): Promise<Series[]> {
  const { result } = await askPrometheus<{ result: { metric: Record<string, string>; value: [number, string] }[] | [number, string] }>(instance, '/api/v1/query', { query: expression });
  if (typeof result[0] === 'number') return [{ labels: {}, value: Number(result[1]) }];
  return (result as { metric: Record<string, string>; value: [number, string] }[]).map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

async function askPrometheus<T>(instance: Instance, path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
  const query = Object.entries(parameters).flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`]);
  const answer = await ask<{ status: string; data: T; error?: string }>(instance, 'prometheus', 'prometheus:9090', path, ['--get', ...query]);
  if (answer.status !== 'success') throw new UserError(`Prometheus refuses the question: ${answer.error ?? 'it does not say why'}.`, [], 2);
  return answer.data;
}

export function askAlertmanager<T>(instance: Instance, method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const payload = body === undefined ? [] : ['-H', 'content-type: application/json', '--data-raw', JSON.stringify(body)];
  return ask<T>(instance, 'alertmanager', 'alertmanager:9093', path, ['-X', method, ...payload]);
}

async function ask<T>(instance: Instance, service: string, address: string, path: string, options: readonly string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await instance.tryCompose(['exec', '-T', service, 'curl', '-sS', '--max-time', '10',
    '--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key',
    '--connect-to', `${address}:127.0.0.1:${address.split(':')[1]}`, ...options, `https://${address}${path}`]);
  if (exitCode !== 0) throw new UserError(`${service} cannot be asked: ${stderr.trim().split('\n').at(-1) || `curl exited ${exitCode}`}.`, [`Start it:  ./holdfast restart ${service}`]);
  if (stdout.trim() === '') return undefined as T;
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new UserError(`${service} answered: ${stdout.trim().slice(0, 300)}`, [], 2);
  }
}
