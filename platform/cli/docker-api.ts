import { request } from 'node:http';

const SOCKET = '/var/run/docker.sock';

/** What was asked for is not there, or not any more. */
export class NotThere extends Error {}

/** One GET of Docker's API (https://docs.docker.com/reference/api/engine/), for what the client prints only rounded or slowly. */
export function dockerApi<T>(path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: SOCKET, path: `/v1.41${path}` }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as T);
        else reject(new (response.statusCode === 404 ? NotThere : Error)(`Docker's API answered ${response.statusCode} to ${path}: ${body.trim()}`));
      });
    });
    call.on('error', reject);
    call.end();
  });
}
