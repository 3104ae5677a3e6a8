import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

/**
 * Who is told, as a process of its own: node tests/alerts/receiver.ts ADDRESS FILE. It listens on a free port of the address, prints its URL, and
 * appends what Alertmanager's webhook brings to the file, a JSON object a line with the time at which it came.
 */
const [address = '127.0.0.1', file = ''] = process.argv.slice(2);

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => { body += chunk; });
  request.on('end', () => {
    appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), payload: JSON.parse(body) as unknown })}\n`);
    response.end();
  });
});
server.listen(0, address, () => {
  const bound = server.address();
  if (bound !== null && typeof bound === 'object') console.log(`http://${address}:${bound.port}/`);
});
