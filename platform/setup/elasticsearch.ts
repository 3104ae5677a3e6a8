import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callJson } from './http.ts';
import { secret } from './identity.ts';

const ADDRESS = 'https://elasticsearch:9200';
const TEMPLATES = join(import.meta.dirname, '../elasticsearch/index-templates');

/** A write to a mistyped index is an error and not a new index without a template. Names with a dot are the vendor's own. */
const MADE_BY_A_WRITE = '+holdfast-logs-*,+holdfast-audit-*,+.*,-*';

/** Snapshots of log lines. Its server knows the directory by `path.repo`. */
const REPOSITORY = { type: 'fs', settings: { location: '/var/lib/snapshots', compress: true } };

/**
 * Index templates, and then leave to make indices by writing to them, which elasticsearch.yml denies; each a PUT, so that running again changes nothing.
 * Users and roles are files of the server itself.
 */
export async function setUpElasticsearch(): Promise<string> {
  const authorization = `Basic ${Buffer.from(`elastic:${secret('elasticsearch-superuser-password')}`).toString('base64')}`;
  const files = (await readdir(TEMPLATES)).filter((name) => name.endsWith('.json'));
  for (const file of files) {
    const template: unknown = JSON.parse(await readFile(join(TEMPLATES, file), 'utf8'));
    await callJson('PUT', `${ADDRESS}/_index_template/${file.slice(0, -'.json'.length)}`, { authorization }, template, [200]);
  }
  await callJson('PUT', `${ADDRESS}/_cluster/settings`, { authorization }, { persistent: { 'action.auto_create_index': MADE_BY_A_WRITE } }, [200]);
  await registerRepository({ authorization });
  return `${files.length} index templates, the repository of snapshots`;
}

/**
 * The repository of snapshots, as it is: those in it outlive an Elasticsearch that was lost. It is not tried out, as one that cannot be written to takes search away from nobody; whoever takes
 * the next snapshot says so. One that can be read stays, as it may be in use. Elasticsearch refuses one whose files are not those that it remembers, of another directory or an empty disk, until it
 * is made to forget; no file is deleted by that.
 */
async function registerRepository(headers: Record<string, string>): Promise<void> {
  const repository = `${ADDRESS}/_snapshot/holdfast`;
  const { status } = await callJson('GET', `${repository}/_all`, headers, undefined, [200, 404, 500]);
  if (status === 200) return;
  await callJson('DELETE', repository, headers, undefined, [200, 404]);
  await callJson('PUT', `${repository}?verify=false`, headers, REPOSITORY, [200]);
}
