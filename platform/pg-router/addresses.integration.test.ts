import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker, run } from '../cli/run.ts';
import { within } from '../../tests/kit/within.ts';
import { ADDRESS_FOLLOWED } from '../../tests/kit/budgets.ts';

const name = `holdfast-test-addresses-${randomBytes(4).toString('hex')}`;
const image = (component: string): string => `${process.env.HOLDFAST_REGISTRY ?? ''}holdfast/${component}:${process.env.HOLDFAST_VERSION ?? '0.1.0'}`;
const [router, ...nodes] = [`${name}-router`, `${name}-a`, `${name}-b`];

/** How pg-router asks for addresses, with two servers that it needs no certificate to look at. */
const CONFIGURATION = `
global
    log stdout format raw local0 info
${/^resolvers docker\n(?: .*\n)+/m.exec(readFileSync(join(import.meta.dirname, 'haproxy.cfg'), 'utf8'))?.[0]}
defaults
    log global
    mode tcp
    timeout connect 500ms
    timeout client 1s
    timeout server 1s
    default-server check inter 1s resolvers docker resolve-prefer ipv4 init-addr last,libc,none

listen leader
    bind :5432
${nodes.map((node) => `    server ${node} ${node}:5432\n`).join('')}`;

beforeAll(async () => {
  await docker('network', 'create', name);
  for (const node of nodes) await docker('run', '--detach', '--name', node, '--network', name, image('base'), 'sleep', 'infinity');
  await docker('run', '--detach', '--name', router, '--network', name, '--env', `CONFIGURATION=${CONFIGURATION}`, image('pg-router'), 'sh', '-c', 'printf %s "$CONFIGURATION" > /tmp/haproxy.cfg && exec haproxy -db -f /tmp/haproxy.cfg');
}, 60_000);

afterAll(async () => {
  await run('docker', ['rm', '--force', router, ...nodes]);
  await run('docker', ['network', 'rm', name]);
}, 60_000);

test('two nodes that have got each other\'s address could be asked at the old ones for an hour', async () => {
  await within(ADDRESS_FOLLOWED, 'pg-router to look at both', () => told((node) => `Server leader/${node} is DOWN`));
  const before = await Promise.all(nodes.map(addressOf));
  // As when both are made anew at once: so soon that no question for their names falls between. Docker gives the lowest free address to whoever comes first.
  for (const node of nodes) await docker('network', 'disconnect', name, node);
  for (const node of nodes.toReversed()) await docker('network', 'connect', name, node);
  expect(await Promise.all(nodes.map(addressOf))).toEqual(before.toReversed());
  await within(ADDRESS_FOLLOWED, 'pg-router to follow', () => told((node) => `leader/${node}: IP changed`));
}, 120_000);

async function told(of: (node: string) => string): Promise<true | undefined> {
  const log = await docker('logs', router);
  return nodes.every((node) => log.includes(of(node))) ? true : undefined;
}

async function addressOf(node: string): Promise<string> {
  return (await docker('inspect', '--format', `{{(index .NetworkSettings.Networks "${name}").IPAddress}}`, node)).trim();
}
