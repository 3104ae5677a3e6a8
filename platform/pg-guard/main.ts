import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { Etcd } from './etcd.ts';
import { Guard } from './guard.ts';
import { metricsOf } from './metrics.ts';
import { Processes } from './processes.ts';

/** Reading three small files of /proc: cheap enough to be what the detection of a death waits for. */
const WATCH_MS = 200;
const READ_MS = 1_000;
/** A loop that stands still for so long is ill; etcd's absence is not its illness. */
const STANDS_STILL_MS = 15_000;
const PORT = 8405;

const secret = (name: string): Buffer => readFileSync(`/run/holdfast/${name}`);
const tls = { ca: secret('ca.crt'), cert: secret('tls.crt'), key: secret('tls.key') };
const guard = new Guard(new Etcd('https://etcd:2379', tls), new Processes(), say);
let turnedMs = Date.now();

createServer({ ...tls, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, ({ url }, answer) => {
  if (url === '/metrics') return void answer.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metricsOf(guard.told()));
  const turns = Date.now() - turnedMs < STANDS_STILL_MS;
  if (url === '/health') return void answer.writeHead(turns ? 200 : 503).end();
  answer.writeHead(404).end();
}).listen(PORT);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));

let readMs = 0;
let trouble: string | undefined;
for (;;) {
  turnedMs = Date.now();
  try {
    if (turnedMs - readMs >= READ_MS) {
      readMs = turnedMs;
      await guard.read(turnedMs);
    }
    await guard.watch(turnedMs);
    if (trouble !== undefined) say('info', 'etcd answers again', {});
    trouble = undefined;
  } catch (error) {
    // Said once, not five times a second.
    if (trouble !== (error as Error).message) say('error', (error as Error).message, {});
    trouble = (error as Error).message;
  }
  await pause(WATCH_MS);
}

function say(level: 'info' | 'warn' | 'error', message: string, details: Record<string, unknown>): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), level, service: 'pg-guard', message, ...details }));
}
