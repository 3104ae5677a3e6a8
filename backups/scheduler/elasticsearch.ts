import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readSnapshots, type ListedSnapshots, type LogSnapshot } from '../log-snapshots.ts';
import { SECRETS } from './settings.ts';

/** Where Elasticsearch is, and as whom it is asked. */
export interface Address {
  host: string;
  /** Authority of its certificate, PEM. */
  ca: string;
  password: string;
}

/** It answered, and not what was hoped for. */
export class ElasticsearchRefused extends Error {
  readonly type: string;

  constructor(what: string, status: number, text: string) {
    const { error } = parsed<{ error?: { type?: string; reason?: string } }>(text);
    super(`Elasticsearch answered ${status} to ${what}: ${error?.reason ?? text.slice(0, 300)}`);
    this.type = error?.type ?? '';
  }
}

const REPOSITORY = '_snapshot/holdfast';
const ANSWERS_WITHIN_MS = 15_000;
/** It reads through what all the others need first. */
const DELETED_WITHIN_MS = 600_000;
const LOOK_EVERY_MS = 1_000;
/** Less than the hour after which the next one is due: what takes longer wants somebody to look. */
const TAKEN_WITHIN_MS = 45 * 60_000;

/** Read anew each time: a password that was renewed, or a certificate, needs no restart. */
export function address(): Address {
  const read = (name: string): string => readFileSync(join(SECRETS, name), 'utf8');
  return { host: 'elasticsearch', ca: read('ca.crt'), password: read('elasticsearch-snapshots-password') };
}

/** All of ours in the repository, the newest first. One whose description is damaged is not among them. */
export async function listSnapshots(at: Address): Promise<LogSnapshot[]> {
  return readSnapshots(await ask<ListedSnapshots>(at, 'GET', `${REPOSITORY}/_all?ignore_unavailable=true`));
}

/** The indices of log lines that Elasticsearch has. */
export async function logIndices(at: Address): Promise<string[]> {
  const { indices } = await ask<{ indices: { name: string }[] }>(at, 'GET', '_resolve/index/holdfast-logs-*');
  return indices.map(({ name }) => name);
}

/** Takes one, to its end. Throws where it did not come to one that is whole. */
export async function takeSnapshot(at: Address, name: string): Promise<LogSnapshot> {
  const deadline = Date.now() + TAKEN_WITHIN_MS;
  await ask(at, 'PUT', `${REPOSITORY}/${name}?wait_for_completion=false`, { indices: 'holdfast-logs-*', include_global_state: false });
  for (;;) {
    const answer = await ask<ListedSnapshots>(at, 'GET', `${REPOSITORY}/${name}`).catch((error: Error) => {
      // Of one that it could not even begin to write Elasticsearch keeps nothing, and tells its own log alone.
      if (!(error instanceof ElasticsearchRefused) || error.type !== 'snapshot_missing_exception') throw error;
      throw new Error(`${name} came to nothing: Elasticsearch could not write where snapshots are kept. Why, it says itself (./holdfast logs elasticsearch); is there room, and may uid 6122 write?`, { cause: error });
    });
    const [taken] = readSnapshots(answer);
    if (taken?.state === 'SUCCESS') return taken;
    if (taken?.state !== 'IN_PROGRESS') throw new Error(`${name} ended as ${taken?.state ?? 'nothing'}: ${JSON.stringify(answer).slice(0, 300)}`);
    if (Date.now() > deadline) throw new Error(`${name} is not complete after ${TAKEN_WITHIN_MS / 60_000} min; Elasticsearch goes on with it`);
    await pause(LOOK_EVERY_MS);
  }
}

export async function deleteSnapshot(at: Address, name: string): Promise<void> {
  await ask(at, 'DELETE', `${REPOSITORY}/${name}`, undefined, DELETED_WITHIN_MS);
}

function ask<T>({ host, ca, password }: Address, method: string, path: string, body?: object, timeout_ms = ANSWERS_WITHIN_MS): Promise<T> {
  const options = { method, host, port: 9200, servername: 'elasticsearch', ca, path: `/${path}`, auth: `snapshots:${password}`, headers: { 'content-type': 'application/json' }, timeout: timeout_ms, agent: false as const };
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).once('error', reject);
      response.once('end', () => { if ((response.statusCode ?? 500) < 300) resolve(parsed<T>(text)); else reject(new ElasticsearchRefused(`${method} ${path}`, response.statusCode ?? 500, text)); });
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`Elasticsearch did not answer ${method} ${path} within ${timeout_ms / 1000} s`)));
    outgoing.once('error', reject).end(body && JSON.stringify(body));
  });
}

function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    return {} as T;
  }
}
