/**
 * npm run start:dev -w services/users: one service from your working copy in place of its container, in a running installation. TypeScript is
 * built here with every change and the service restarted inside a container that has the same user, secrets, networks and settings as the
 * one it stands in for. Ctrl-C puts that one back. HOLDFAST_INSTANCE names the installation, if it is not "holdfast".
 */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';

interface Inspected {
  Config: { Image: string; User: string; Env: string[]; Labels: Record<string, string> };
  HostConfig: { Memory: number };
  Mounts: { Source: string; Destination: string }[];
  NetworkSettings: { Networks: Record<string, unknown> };
}

const service = process.argv[2];
if (service === undefined || !/^[a-z]+$/.test(service)) {
  console.error('usage: node services/start-dev.ts <gateway|users|transactions|reporting|audit>');
  process.exit(64);
}
const instance = process.env.HOLDFAST_INSTANCE ?? 'holdfast';
const root = join(import.meta.dirname, '..');
const tsc = join(root, 'node_modules/.bin/tsc');
const replaced = `${instance}-${service}-1`;
const own = `${instance}-${service}-dev`;
const docker = (...args: string[]): string => execFileSync('docker', args, { encoding: 'utf8' }).trim();

function inspect(): Inspected {
  try {
    return (JSON.parse(docker('inspect', replaced)) as [Inspected])[0];
  } catch {
    console.error(`start:dev: there is no container ${replaced}. Start the platform first: ./holdfast up (or name another one: HOLDFAST_INSTANCE=...)`);
    process.exit(69);
  }
}

const container = inspect();
execFileSync(tsc, ['-b', join(root, 'services', service)], { stdio: 'inherit' });

const [network, ...others] = Object.keys(container.NetworkSettings.Networks);
docker('create', '--rm', '--init', '--name', own, '--user', container.Config.User, '--read-only', '--cap-drop', 'ALL',
  '--network', network ?? 'none', '--network-alias', service,
  ...container.Config.Env.flatMap((setting) => ['--env', setting]),
  ...container.Mounts.flatMap((mount) => ['--volume', `${mount.Source}:${mount.Destination}:ro`]),
  '--volume', `${root}:/app:ro`, '--workdir', '/app', container.Config.Image,
  'node', '--watch', '--enable-source-maps', `services/${service}/dist/main.js`);
for (const other of others) docker('network', 'connect', '--alias', service, other, own);
docker('stop', replaced);

const building = spawn(tsc, ['-b', '--watch', '--preserveWatchOutput', join(root, 'services', service)], { stdio: 'inherit' });
const running = spawn('docker', ['start', '--attach', own], { stdio: 'inherit' });
const end = (): void => {
  building.kill();
  // Ctrl-C reaches the attached client too; whatever is left of the container goes now.
  try {
    docker('rm', '--force', own);
  } catch {
    // It removed itself.
  }
  docker('start', replaced);
  process.exit(0);
};
running.once('exit', end);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => running.kill('SIGTERM'));
