/**
 * npm run start:dev -w services/users: builds one service, and builds and restarts it with every change, against a running platform.
 * It takes the place of that service's container: see README.md beside this file.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const service = process.argv[2];
if (service === undefined || !/^[a-z]+$/.test(service)) {
  console.error('usage: node services/start-dev.ts <gateway|users|transactions|reporting|audit>');
  process.exit(64);
}
const services = import.meta.dirname;
const tools = join(services, '../node_modules/.bin');
const run = (command: string, ...args: string[]) => spawn(command, args, { stdio: 'inherit', env: process.env });

run(join(tools, 'tsc'), '-b', join(services, service)).once('exit', (code) => {
  if (code !== 0) process.exit(code ?? 1);
  const children = [
    run(join(tools, 'tsc'), '-b', '--watch', '--preserveWatchOutput', join(services, service)),
    run(process.execPath, '--watch', '--enable-source-maps', join(services, service, 'dist/main.js')),
  ];
  for (const child of children) child.once('exit', () => children.forEach((other) => other.kill()));
});
