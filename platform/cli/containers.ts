import { setTimeout as pause } from 'node:timers/promises';
import { dockerApi, NotThere } from './docker-api.ts';
import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';
import { lastWordsOf } from './last-words.ts';
import { docker, run, type Outcome, type RunOptions } from './run.ts';

export type Health = 'healthy' | 'starting' | 'unhealthy' | 'stopped' | 'restarting';

export interface Container {
  id: string;
  /** Name in the compose files. */
  service: string;
  /** Name of this container; a scaled service has several. */
  name: string;
  health: Health;
  /** Host's process id of its main process, 0 when it does not run. */
  pid: number;
  restarts: number;
  startedAt: Date;
  image: string;
  probe: readonly string[];
}

interface Inspected {
  Id: string;
  Name: string;
  RestartCount: number;
  State: { Status: string; Pid: number; StartedAt: string; Health?: { Status: string } };
  Config: { Image: string; Labels: Record<string, string>; Healthcheck?: { Test?: string[] } };
}

/** All long-lived containers of an instance, stopped ones included; one-shot jobs are left out. */
export async function containersOf(instance: Instance): Promise<Container[]> {
  const filters = JSON.stringify({ label: [`com.docker.compose.project=${instance.name}`, 'com.docker.compose.oneoff=False'] });
  const listed = await dockerApi<{ Id: string }[]>(`/containers/json?all=1&filters=${encodeURIComponent(filters)}`);
  // Between the list and the look a container may have been removed.
  const inspected = await Promise.all(listed.map(({ Id }) => dockerApi<Inspected>(`/containers/${Id}/json`).catch(unlessNotThere)));
  return inspected.filter((container) => container !== undefined).map(toContainer).toSorted((a, b) => a.name.localeCompare(b.name));
}

function unlessNotThere(error: unknown): undefined {
  if (!(error instanceof NotThere)) throw error;
}

function toContainer(inspected: Inspected): Container {
  return {
    id: inspected.Id,
    service: inspected.Config.Labels['com.docker.compose.service'] ?? '',
    name: inspected.Name.slice(1),
    health: healthOf(inspected.State),
    pid: inspected.State.Pid,
    restarts: inspected.RestartCount,
    startedAt: new Date(inspected.State.StartedAt),
    image: inspected.Config.Image,
    probe: inspected.Config.Healthcheck?.Test ?? [],
  };
}

function healthOf(state: Inspected['State']): Health {
  if (state.Status === 'restarting') return 'restarting';
  if (state.Status !== 'running') return 'stopped';
  const health = state.Health?.Status;
  return health === 'starting' || health === 'unhealthy' ? health : 'healthy';
}

/** A program inside the only container of a component. Half a second sooner than by compose, which reads all its files first. */
export async function inside(instance: Instance, service: string, command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const container = (await containersOf(instance)).find((one) => one.service === service);
  if (!container) return { exitCode: 1, stdout: '', stderr: `there is no container of ${service}` };
  return run('docker', ['exec', ...(options.input === undefined ? [] : ['--interactive']), container.id, ...command], options);
}

/** Stops those of these services that run, at the same time. Each has the time to end that its compose file gives it, or `seconds`. */
export async function stopContainers(instance: Instance, services: readonly string[], seconds?: number): Promise<void> {
  const ids = await runningOf(instance, services);
  if (ids.length > 0) await docker('stop', ...(seconds === undefined ? [] : ['--time', String(seconds)]), ...ids);
}

/** The same for services whose callers need not notice first that they end: the second signal says so (services/kit/src/http-server.ts). */
export async function stopContainersAtOnce(instance: Instance, services: readonly string[]): Promise<void> {
  const ids = await runningOf(instance, services);
  if (ids.length === 0) return;
  await run('docker', ['kill', '--signal', 'SIGTERM', ...ids]);
  await docker('stop', ...ids);
}

async function runningOf(instance: Instance, services: readonly string[]): Promise<string[]> {
  return (await containersOf(instance)).filter(({ service, pid, health }) => services.includes(service) && (pid > 0 || health === 'restarting')).map(({ id }) => id);
}

/** Starts the containers of these services, which are there. */
export async function startContainers(instance: Instance, services: readonly string[]): Promise<void> {
  const ids = (await containersOf(instance)).filter(({ service }) => services.includes(service)).map(({ id }) => id);
  if (ids.length > 0) await docker('start', ...ids);
}

/** Memory in bytes that a container cannot give back: its usage less the inactive page cache. */
export async function memoryBytes(container: Container): Promise<number> {
  const stats = await dockerApi<{ memory_stats: { usage?: number; stats?: Record<string, number> } }>(`/containers/${container.id}/stats?stream=0&one-shot=1`);
  const details = stats.memory_stats.stats ?? {};
  return (stats.memory_stats.usage ?? 0) - (details['total_inactive_file'] ?? details['inactive_file'] ?? 0);
}

/** Docker itself probes only every 20 s, so a container that it counts as starting is probed here, with its own health check. */
export async function isHealthyNow(container: Container): Promise<boolean> {
  return container.health === 'healthy' || (['starting', 'unhealthy'].includes(container.health) && probeSucceeds(container));
}

/** Waits until every container of the named services is healthy. Of one that starts again and again it is said what it prints before it ends. */
export async function waitUntilHealthy(instance: Instance, services: readonly string[], budgetSeconds: number, say: (detail: string) => void): Promise<void> {
  const deadline = Date.now() + budgetSeconds * 1000;
  const proven = new Set<string>();
  const restartsBefore = new Map<string, number>();
  for (;;) {
    const containers = (await containersOf(instance)).filter((container) => services.includes(container.service));
    await Promise.all(
      containers.map(async (container) => {
        const key = `${container.id} ${container.startedAt.getTime()}`;
        if (proven.has(key)) return;
        if (await isHealthyNow(container)) proven.add(key);
      }),
    );
    const waiting = containers.filter((container) => !proven.has(`${container.id} ${container.startedAt.getTime()}`));
    const absent = services.filter((service) => !containers.some((container) => container.service === service));
    if (waiting.length === 0 && absent.length === 0) return;
    for (const { id, restarts } of waiting) if (!restartsBefore.has(id)) restartsBefore.set(id, restarts);
    const ended = await Promise.all(waiting.filter(({ id, restarts }) => restarts > (restartsBefore.get(id) ?? 0)).map(async ({ service, id }) => `${service} ended, and was started again: ${(await lastWordsOf(id)) ?? 'it said nothing'}`));
    say([`waiting for ${[...absent, ...waiting.map((container) => container.service)].join(', ')}`, ...ended].join('; '));
    if (Date.now() > deadline) {
      const names = [...absent, ...waiting.map((container) => `${container.service} (${container.health}, ${container.restarts} restarts)`)];
      throw new UserError(`not healthy after ${budgetSeconds} s: ${names.join(', ')}.`, [
        ...ended.map((line) => `| ${line}`),
        `Look:      ./holdfast logs ${waiting[0]?.service ?? absent[0]}`,
        'Then go on with:  ./holdfast up',
      ]);
    }
    await pause(1000);
  }
}

async function probeSucceeds(container: Container): Promise<boolean> {
  const [kind, ...command] = container.probe;
  if (kind === 'NONE' || kind === undefined) return true;
  const argv = kind === 'CMD-SHELL' ? ['sh', '-c', ...command] : command;
  return (await run('timeout', ['10', 'docker', 'exec', container.id, ...argv])).exitCode === 0;
}
