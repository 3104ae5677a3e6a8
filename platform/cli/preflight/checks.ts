import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { containersOf } from '../containers.ts';
import type { Instance } from '../instance.ts';
import { run } from '../run.ts';
import { PROJECT, versions } from '../versions.ts';
import { holderOfPort } from './ports.ts';
import { processesNamed } from './processes.ts';

const GIB = 1024 ** 3;

/** One finding. `error` stops `up` before anything changes; `warning` is told and passed. */
export interface Finding {
  check: string;
  verdict: 'ok' | 'warning' | 'error';
  message: string;
  /** The exact commands that mend it. */
  mend: readonly string[];
}

interface DockerFacts {
  ServerVersion: string;
  Architecture: string;
  Driver: string;
  NCPU: number;
  MemTotal: number;
  MemoryLimit: boolean;
  DockerRootDir: string;
}

/** Looks at everything that could make an installation fail later, and changes nothing but a probe file that it removes. */
export async function preflight(instance: Instance): Promise<Finding[]> {
  const facts = JSON.parse((await run('docker', ['info', '-f', '{{json .}}'])).stdout) as DockerFacts;
  const running = (await containersOf(instance)).filter((container) => container.health !== 'stopped');
  const isRunning = running.length > 0;
  return Promise.all([
    architecture(facts),
    dockerVersion(facts),
    storageDriver(facts),
    memoryLimits(facts),
    cores(facts),
    memory(facts.MemTotal, await readFile('/proc/meminfo', 'utf8'), isRunning),
    disk('disk-project', 'the project', PROJECT, 2),
    disk('disk-docker', "Docker's data", join('/host', facts.DockerRootDir), isRunning ? 3 : 12),
    edgePort(instance, running.some((container) => container.service === 'edge')),
    writeAccess(instance),
    otherInstallation(instance),
    otherVersion(running.map((container) => container.image)),
    clock(),
    openFiles(),
    mapCount(),
    stateFiles(instance),
  ]);
}

function found(check: string, verdict: Finding['verdict'], message: string, ...mend: string[]): Finding {
  return { check, verdict, message, mend };
}

function architecture(facts: DockerFacts): Finding {
  const known = ['x86_64', 'amd64'].includes(facts.Architecture);
  return known
    ? found('architecture', 'ok', facts.Architecture)
    : found('architecture', 'warning', `${facts.Architecture}: Holdfast is tested on x86_64 only`, 'Use an x86_64 machine for production');
}

function dockerVersion(facts: DockerFacts): Finding {
  const [major = 0, minor = 0] = facts.ServerVersion.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 10)
    ? found('docker-version', 'ok', `Docker ${facts.ServerVersion}`)
    : found('docker-version', 'error', `Docker ${facts.ServerVersion} is older than 20.10`, 'apt-get update && apt-get install docker.io');
}

function storageDriver(facts: DockerFacts): Finding {
  return facts.Driver === 'vfs'
    ? found('storage-driver', 'warning', 'Docker stores images with vfs: slow, and each layer is a full copy', 'Set "storage-driver": "overlay2" in /etc/docker/daemon.json, then: systemctl restart docker')
    : found('storage-driver', 'ok', facts.Driver);
}

function memoryLimits(facts: DockerFacts): Finding {
  return facts.MemoryLimit
    ? found('memory-limits', 'ok', 'enforced')
    : found('memory-limits', 'warning', 'the kernel does not enforce memory limits: one component could starve the rest', 'Add cgroup_enable=memory to the kernel command line and reboot');
}

function cores(facts: DockerFacts): Finding {
  return facts.NCPU >= 2
    ? found('cores', 'ok', `${facts.NCPU} cores`)
    : found('cores', 'error', `${facts.NCPU} core: Holdfast needs 2`, 'Give the machine at least 2 cores');
}

/** Of `meminfo` as proc(5) prints it. */
export function memoryAvailableBytes(meminfo: string): number {
  return Number(/MemAvailable:\s+(\d+)/.exec(meminfo)?.[1] ?? 0) * 1024;
}

/** `meminfo` as proc(5) prints it. What is running already has what it needs. */
export function memory(totalBytes: number, meminfo: string, isRunning: boolean): Finding {
  const available = memoryAvailableBytes(meminfo);
  const size = `${(available / GIB).toFixed(1)} GiB free of ${(totalBytes / GIB).toFixed(1)}`;
  if (totalBytes < 7.5 * GIB) return found('memory', 'error', `${size}: Holdfast needs a machine of 8 GiB`, 'Give the machine at least 8 GiB of memory');
  if (!isRunning && available < 6 * GIB) return found('memory', 'error', `${size}: starting Holdfast needs 6 GiB free`, 'See what uses it:  ps aux --sort=-rss | head');
  return found('memory', 'ok', size);
}

async function disk(check: string, what: string, path: string, needGib: number): Promise<Finding> {
  const space = await statfs(path);
  const free = (space.bavail * space.bsize) / GIB;
  return free >= needGib
    ? found(check, 'ok', `${free.toFixed(0)} GiB free for ${what}`)
    : found(check, 'error', `${free.toFixed(1)} GiB free for ${what} in ${path.replace(/^\/host/, '')}: needs ${needGib}`, 'See what uses it:  docker system df', `Free some:         docker system prune`);
}

async function edgePort(instance: Instance, ours: boolean): Promise<Finding> {
  const { port, bind } = instance.settings;
  if (ours && port === instance.portInUse) return found('edge-port', 'ok', `${bind}:${port} (ours)`);
  const holder = await holderOfPort(port);
  if (holder === undefined) return found('edge-port', 'ok', `${bind}:${port} is free`);
  const stop = holder.pid ? [`Stop it:            kill ${holder.pid}`] : [];
  return found('edge-port', 'error', `port ${port} is in use by ${holder.name}${holder.pid ? ` (pid ${holder.pid})` : ''}`, ...stop, `or choose another:  ./holdfast up --port ${port + 1000}`);
}

async function writeAccess(instance: Instance): Promise<Finding> {
  const probe = join(instance.directory, 'write-probe');
  try {
    await mkdir(instance.directory, { recursive: true, mode: 0o711 });
    await writeFile(probe, '');
    await rm(probe);
    return found('state-directory', 'ok', instance.directory);
  } catch (error) {
    return found('state-directory', 'error', `${instance.directory} cannot be written (${(error as NodeJS.ErrnoException).code})`, 'Move the project to a directory on a writable file system');
  }
}

/** Data whose secrets are elsewhere: another checkout's, or this one's after its state directory was deleted. New secrets would not open it. */
async function otherInstallation(instance: Instance): Promise<Finding> {
  const hasSecrets = existsSync(join(instance.directory, 'vault'));
  const volumes = (await run('docker', ['volume', 'ls', '-q', '--filter', `label=com.docker.compose.project=${instance.name}`])).stdout.split('\n').filter(Boolean);
  if (hasSecrets || volumes.length === 0) return found('other-installation', 'ok', hasSecrets ? 'none' : 'no data of another');
  return found('other-installation', 'error', `there is data of an instance "${instance.name}" (${volumes.length} volumes) whose secrets are not in ${instance.directory}`,
    'Go on with it from the directory that it was started in, or bring its .holdfast directory back',
    `or start another beside it:  ./holdfast --instance ${instance.name}2 up --port ${instance.settings.port + 1000}`,
    `or delete its data:          docker compose -p ${instance.name} down --volumes`);
}

/** Versions of the images that an instance's containers were made of. */
export function versionsOf(images: readonly string[]): string[] {
  return [...new Set(images.filter((image) => image.includes('holdfast/')).map((image) => image.slice(image.lastIndexOf(':') + 1)))];
}

function otherVersion(images: readonly string[]): Finding {
  const others = versionsOf(images).filter((version) => version !== versions.HOLDFAST_VERSION);
  return found('other-version', 'ok', others.length === 0 ? `version ${versions.HOLDFAST_VERSION}` : `version ${others.join(', ')} is running, and ./holdfast up makes it ${versions.HOLDFAST_VERSION}`);
}

function clock(): Finding {
  // The release cannot come from the future: a clock before it makes every new certificate invalid elsewhere.
  const RELEASED = Date.UTC(2025, 10, 1);
  return Date.now() > RELEASED
    ? found('clock', 'ok', new Date().toISOString())
    : found('clock', 'error', `the clock says ${new Date().toISOString()}, which is before this release`, 'timedatectl set-ntp true');
}

async function openFiles(): Promise<Finding> {
  const [pid] = await processesNamed('dockerd');
  const limits = pid ? await readFile(`/proc/${pid}/limits`, 'utf8') : '';
  const hard = Number(/Max open files\s+\S+\s+(\d+)/.exec(limits)?.[1] ?? Infinity);
  return hard >= 16_384
    ? found('open-files', 'ok', Number.isFinite(hard) ? `containers may open ${hard}` : 'no limit found')
    : found('open-files', 'error', `containers may open ${hard} files, 16384 are needed`, 'Set LimitNOFILE=65536 for docker.service:  systemctl edit docker, then systemctl restart docker');
}

async function mapCount(): Promise<Finding> {
  const count = Number(await readFile('/proc/sys/vm/max_map_count', 'utf8'));
  return count >= 262_144
    ? found('max-map-count', 'ok', String(count))
    : found('max-map-count', 'warning', `vm.max_map_count is ${count}: enough for this size, Elasticsearch asks for 262144 on large indices`, 'sysctl -w vm.max_map_count=262144', 'echo vm.max_map_count=262144 > /etc/sysctl.d/90-holdfast.conf');
}

async function stateFiles(instance: Instance): Promise<Finding> {
  const certificate = join(instance.directory, 'ca/ca.crt');
  const key = join(instance.directory, 'ca/ca.key');
  if (existsSync(certificate) && !existsSync(key)) {
    return found('state-files', 'error', `${key} is gone, while ${certificate} is there: new certificates could not be issued`, `Restore it from your recovery kit, or begin a new authority:  rm ${certificate}`);
  }
  for (const path of [certificate, key]) {
    if (existsSync(path) && !(await readFile(path, 'utf8')).startsWith('-----BEGIN')) {
      return found('state-files', 'error', `${path} is not a PEM file any more`, 'Restore it from your recovery kit');
    }
  }
  return found('state-files', 'ok', instance.exists ? 'whole' : 'none yet');
}
