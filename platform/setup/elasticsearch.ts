import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { roles } from '../elasticsearch/roles.ts';
import { users } from '../elasticsearch/users.ts';
import { callJson } from './http.ts';
import { secret } from './identity.ts';

const URL = 'https://elasticsearch:9200';
const TEMPLATES = join(import.meta.dirname, '../elasticsearch/index-templates');

/** Roles, users with their generated passwords, and index templates; each a PUT, so that running again changes nothing. */
export async function setUpElasticsearch(): Promise<string> {
  const authorization = `Basic ${Buffer.from(`elastic:${secret('elasticsearch-superuser-password')}`).toString('base64')}`;
  const put = (path: string, body: unknown): Promise<unknown> => callJson('PUT', `${URL}/${path}`, { authorization }, body, [200, 201]);

  for (const [name, role] of Object.entries(roles)) await put(`_security/role/${name}`, role);
  for (const user of users) await put(`_security/user/${user.name}`, { password: secret(user.passwordSecret), roles: user.roles });
  const files = (await readdir(TEMPLATES)).filter((name) => name.endsWith('.json'));
  for (const file of files) {
    await put(`_index_template/${file.slice(0, -'.json'.length)}`, JSON.parse(await readFile(join(TEMPLATES, file), 'utf8')));
  }
  return `${Object.keys(roles).length} roles, ${users.length} users, ${files.length} index templates`;
}
