import { connect, type Socket } from 'node:net';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { keepAsking, stopAsking } from '../asking.ts';
import { stopped, type Fault } from '../fault.ts';
import { childrenOf, processesNamed } from '../processes.ts';
import { inRedis } from '../redis.ts';

const FILES = '/var/lib/redis/appendonlydir';
/** It takes 96. */
const MEGABYTES = 100;
/** It takes 500 connections, those of the platform included. */
const CONNECTIONS = 520;
const SEEN_MS = 90_000;

export const redisFaults: readonly Fault[] = [
  { alert: 'RedisDown', what: 'Redis is stopped', labels: {}, touches: ['redis'], make: stopped('redis') },
  {
    alert: 'RedisEvicts', what: `${MEGABYTES} MB are written into its 96, and two more each second`, labels: {}, touches: ['redis'],
    make: async (platform) => {
      await writeMegabytes(platform, 0, MEGABYTES);
      keepAsking('RedisEvicts', 0.2, (turn) => writeMegabytes(platform, MEGABYTES + turn * 10, 10));
    },
    undo: async (platform) => {
      stopAsking('RedisEvicts');
      await inRedis(platform, `for i in $(seq 0 ${10 * MEGABYTES}); do echo "del reporting:alert-test:$i"; done | r`);
    },
    scaled: { for: '15s', range: ['5m', '1m'] },
  },
  {
    alert: 'RedisCannotWrite', what: 'it may not write into its directory any more, and its file grows', labels: {}, touches: ['redis'],
    make: async (platform) => {
      await platform.inside('redis', 'chmod', 'a-w', FILES);
      await growFile(platform);
    },
    undo: async (platform) => { await platform.inside('redis', 'chmod', 'u+w', FILES); },
    scaled: { for: '15s' },
  },
  { alert: 'RedisRefusesConnections', what: `${CONNECTIONS} connections are opened`, labels: {}, touches: ['redis'], make: openConnections, scaled: { range: ['10m', '2m'] } },
  { alert: 'RedisRewritesLong', what: 'the process that rewrites its file is frozen', labels: {}, touches: ['redis'], make: freezeRewrite, scaled: { for: '15s' } },
];

/** A value that has only an end is as large as one that is full. */
async function writeMegabytes(platform: Platform, from: number, count: number): Promise<void> {
  await inRedis(platform, `for i in $(seq ${from} ${from + count - 1}); do echo "setrange reporting:alert-test:$i 1000000 x"; done | r`);
}

/** By more than the 64 MB at which it is rewritten: each value takes the place of the one before. */
async function growFile(platform: Platform): Promise<void> {
  await inRedis(platform, 'for i in $(seq 140); do head -c 1000000 /dev/zero | tr "\\0" x | r -x set reporting:alert-test:file; done; r del reporting:alert-test:file');
}

async function freezeRewrite(platform: Platform): Promise<void> {
  const [redis] = await processesNamed(platform, 'redis', 'redis-server');
  if (!redis) throw new Error('no process of Redis');
  let isWritten = false;
  const written = growFile(platform).finally(() => { isWritten = true; });
  // It takes a fraction of a second.
  let rewriting: number | undefined;
  while (!rewriting && !isWritten) {
    [rewriting] = childrenOf(redis);
    if (rewriting) process.kill(rewriting, 'SIGSTOP');
    await new Promise(setImmediate);
  }
  if (!rewriting) throw new Error('its file was not rewritten');
  await written;
}

/** For as long as it takes to be refused: the exporter is refused as well, so nothing would be told of it meanwhile. */
async function openConnections(platform: Platform): Promise<void> {
  const host = await platform.addressOf('redis');
  let refused = 0;
  const sockets = Array.from({ length: CONNECTIONS }, (): Socket => connect({ host, port: 6380 }).on('error', () => undefined).on('close', () => refused++).resume());
  await within(SEEN_MS, 'connections to be refused', () => Promise.resolve(refused > 0 ? true : undefined)).finally(() => sockets.forEach((socket) => socket.destroy()));
}
