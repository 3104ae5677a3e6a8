import type { PostgresCluster } from '../../components.ts';
import { containersOf, type Container } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { run } from '../run.ts';

export interface Cluster extends PostgresCluster {
  readonly name: string;
}

export interface Node {
  readonly name: string;
  /** Undefined where there is none, not even a stopped one. */
  readonly container: Container | undefined;
}

export interface PatroniAnswer {
  readonly status: number;
  /** Parsed where it is JSON, else as it came. */
  readonly body: unknown;
}

const EXIT_USAGE = 2;
const ANSWER_SECONDS = '4';

/** Those of an installation, ledgers that were added included. */
export function clustersIn(instance: Pick<Instance, 'clusters'>): Cluster[] {
  return Object.entries(instance.clusters).map(([name, cluster]) => ({ name, ...cluster }));
}

export function clusterNamed(name: string, instance: Pick<Instance, 'clusters'>): Cluster {
  const clusters = clustersIn(instance);
  const cluster = clusters.find((one) => one.name === name);
  if (!cluster) throw new UserError(`there is no Postgres cluster "${name}": they are ${clusters.map((one) => one.name).join(', ')}.`, ['Look:  ./holdfast cluster show'], EXIT_USAGE);
  return cluster;
}

export async function nodesOf(instance: Instance, cluster: Cluster): Promise<Node[]> {
  const containers = await containersOf(instance);
  return cluster.nodes.map((name) => ({ name, container: containers.find(({ service }) => service === name) }));
}

export function runs(node: Node): boolean {
  return (node.container?.pid ?? 0) > 0;
}

const TLS = ['--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key'];

/**
 * What the Patroni of a node answers to each path, asked from inside its own container: by the loopback, as a node that is cut off cannot look up its own name.
 * Undefined where nobody answers.
 */
export async function readPatroni<Paths extends readonly string[]>(node: Node, ...paths: Paths): Promise<{ [Path in keyof Paths]: PatroniAnswer | undefined }> {
  const addresses = paths.map((path) => `https://${node.name}:8008${path}`);
  const lines = (await inContainer(node, ['--max-time', ANSWER_SECONDS, '--resolve', `${node.name}:8008:127.0.0.1`, '--write-out', '\\n%{http_code}\\n', ...addresses])).split('\n');
  // Patroni writes a body in one line.
  return paths.map((_, index) => answerOf(lines[2 * index] ?? '', lines[2 * index + 1] ?? '')) as { [Path in keyof Paths]: PatroniAnswer | undefined };
}

/** Gives a command, which must come from a member's own address. Undefined where nobody answers in time. */
export async function commandPatroni(node: Node, method: 'POST' | 'PATCH', path: string, body: object, seconds: number): Promise<PatroniAnswer | undefined> {
  const output = await inContainer(node, ['--max-time', String(seconds), '--request', method, '--json', JSON.stringify(body), '--write-out', '\\n%{http_code}', `https://${node.name}:8008${path}`]);
  const end = output.lastIndexOf('\n');
  return answerOf(output.slice(0, Math.max(0, end)), output.slice(end + 1));
}

async function inContainer(node: Node, curl: readonly string[]): Promise<string> {
  if (!node.container || !runs(node)) return '';
  return (await run('docker', ['exec', node.container.id, 'curl', '--silent', ...TLS, ...curl])).stdout;
}

/** curl says 000 where there was no answer. */
function answerOf(text: string, status: string): PatroniAnswer | undefined {
  return /^[1-5]\d\d$/.test(status) ? { status: Number(status), body: parsed(text) } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
