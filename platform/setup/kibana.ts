import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { importObjects } from './import-objects.ts';
import { secret } from './identity.ts';

const ADDRESS = 'https://kibana:5601/kibana';
const OBJECTS = join(import.meta.dirname, '../kibana/objects/holdfast.ndjson');

/** Data views, searches and dashboards for the auditor, where Kibana runs: a step of its own, as Kibana starts long after the stores. */
export async function setUpKibana(): Promise<string> {
  const authorization = `Basic ${Buffer.from(`elastic:${secret('elasticsearch-superuser-password')}`).toString('base64')}`;
  return `${await importObjects(ADDRESS, authorization, await readFile(OBJECTS, 'utf8'))} objects`;
}
