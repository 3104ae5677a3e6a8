import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { importObjects } from './import-objects.ts';
import { SetupError } from './patience.ts';

let server: Server;
let asked: { path: string; headers: IncomingHttpHeaders; body: string };
let answer: object;

beforeEach(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
    request.on('end', () => {
      asked = { path: request.url ?? '', headers: request.headers, body };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
});
afterEach(() => new Promise((resolve) => { server.close(resolve); }));

const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/kibana`;

test('objects arrive as a file, and take the place of those that are there', async () => {
  answer = { success: true, successCount: 2 };
  expect(await importObjects(address(), 'Basic x', '{"id":"a"}\n{"id":"b"}\n')).toBe(2);
  expect(asked.path).toBe('/kibana/api/saved_objects/_import?overwrite=true');
  expect(asked.headers).toMatchObject({ authorization: 'Basic x', 'kbn-xsrf': 'holdfast' });
  expect(asked.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  expect(asked.body).toContain('filename="holdfast.ndjson"');
  expect(asked.body).toContain('{"id":"a"}\n{"id":"b"}\n');
});

test('what Kibana refuses with a status of 200 could pass for taken', async () => {
  answer = { success: false, successCount: 1, errors: [{ type: 'lens', id: 'a', error: { type: 'missing_references' } }] };
  const refused = importObjects(address(), 'Basic x', '{}\n');
  await expect(refused).rejects.toThrow('Kibana does not take lens a (missing_references)');
  await expect(refused).rejects.toBeInstanceOf(SetupError);
});
