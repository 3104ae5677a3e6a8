import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { Platform } from './platform.ts';

/** The dashboards as Grafana gets them, and their questions put to Prometheus as Grafana would. */
export interface Question {
  readonly dashboard: string;
  readonly panel: string;
  readonly expression: string;
}

interface Target { expr: string }
interface DashboardFile {
  uid: string;
  templating: { list?: { name: string; allValue?: string }[] };
  panels: { title: string; targets?: Target[] }[];
  annotations: { list?: { name: string; expr: string }[] };
}

/** Four scrapes of 15 s: what Grafana makes of it for a panel of an hour. */
const RATE_INTERVAL = '1m';
const RANGE = '1h';
/** How far back a panel is looked at: what was measured a quarter of an hour ago is still drawn. */
export const LOOK_BACK_SECONDS = 900;

const directory = join(PROJECT, 'platform', 'grafana', 'dashboards');

export function dashboardFiles(): DashboardFile[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')).map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as DashboardFile);
}

/** Every question of every panel, with all values of its variables chosen. */
export function panelQuestions(): Question[] {
  return dashboardFiles().flatMap((file) => file.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }): Question => ({ dashboard: file.uid, panel: title, expression: filledIn(file, expr) }))));
}

export function annotationQuestions(): Question[] {
  return dashboardFiles().flatMap((file) => (file.annotations.list ?? []).map(({ name, expr }): Question => ({ dashboard: file.uid, panel: `annotation ${name}`, expression: filledIn(file, expr) })));
}

export function filledIn({ templating: { list = [] } }: Pick<DashboardFile, 'templating'>, expression: string): string {
  const values = new Map([['__rate_interval', RATE_INTERVAL], ['__range', RANGE], ...list.map(({ name, allValue = '.*' }): [string, string] => [name, allValue])]);
  return expression.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`$${name} in ${expression} is no variable of its dashboard`);
    return value;
  });
}

/** What Prometheus says to a question, over the last quarter of an hour. */
export type Finding = { readonly kind: 'error'; readonly says: string } | { readonly kind: 'nothing' | 'only zeros' | 'data' };

/** One connection for all questions: a process for each would take longer than the answers. */
export async function findings(platform: Platform, questions: readonly Question[]): Promise<Finding[]> {
  return (await answersOf(platform, questions, LOOK_BACK_SECONDS)).map(({ text }) => findingOf(text));
}

export interface Answer {
  /** JSON, as Prometheus sent it. */
  readonly text: string;
  /** From the question to the end of its answer. */
  readonly took_ms: number;
}

/** What Prometheus answers to each question, asked one after the other, over so many seconds before now: a value for each scrape. */
export async function answersOf(platform: Platform, questions: readonly Question[], seconds: number): Promise<Answer[]> {
  if (questions.length === 0) return [];
  const end = Math.floor(Date.now() / 1000);
  const common = ['--silent', '--show-error', '--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key', '--write-out', '\\t%{time_total}\\n'];
  const asked = questions.flatMap(({ expression }, index) => [...(index > 0 ? ['--next'] : []), ...common,
    '--data-urlencode', `query=${expression}`, '--data', `start=${end - seconds}&end=${end}&step=15`, 'https://prometheus:9090/api/v1/query_range']);
  const answers = (await platform.inside('prometheus', 'curl', ...asked)).trim().split('\n');
  if (answers.length !== questions.length) throw new Error(`Prometheus gave ${answers.length} answers to ${questions.length} questions: ${answers[0]?.slice(0, 300)}`);
  return answers.map((answer) => {
    const tab = answer.lastIndexOf('\t');
    return { text: answer.slice(0, tab), took_ms: Number(answer.slice(tab + 1)) * 1_000 };
  });
}

interface Told {
  status: string;
  error?: string;
  data?: { result: { values: [number, string][] }[] };
}

function findingOf(answer: string): Finding {
  const { status, error = '', data } = JSON.parse(answer) as Told;
  if (status !== 'success' || !data) return { kind: 'error', says: error };
  const values = data.result.flatMap((series) => series.values.map(([, value]) => Number(value))).filter((value) => !Number.isNaN(value));
  if (values.length === 0) return { kind: 'nothing' };
  return { kind: values.some((value) => value !== 0) ? 'data' : 'only zeros' };
}
