import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Container } from '../../platform/cli/containers.ts';
import { dockerApi } from '../../platform/cli/docker-api.ts';
import { must, run } from '../../platform/cli/run.ts';
import type { Platform } from '../kit/platform.ts';
import type { Fault, Target } from './schedule.ts';

/** How long after a fault of bounded time its helper may still be there: it undoes the fault by itself, even if nobody waits for it. */
const HELPER_MARGIN_MS = 5_000;

/** A helper that is killed on a busy machine, before it has undone its fault, leaves the fault for good. */
const PUTS_BACK_WITHIN_S = '60';

/** Strikes an instance's containers and undoes it. Everything goes by the host's process ids and the containers' own namespaces. */
export class Faults {
  private readonly platform: Platform;
  /** Of the image that carries `ip` and `strace`. */
  private readonly image: string;

  constructor(platform: Platform, image: string) {
    this.platform = platform;
    this.image = image;
  }

  /** Strikes, lasts, and is undone when the promise settles. Says which containers it hit. */
  async strike(fault: Fault): Promise<string> {
    const container = await this.containerOf(fault.target);
    switch (fault.kind) {
      case 'kill':
        kill(fault.victim === 'postmaster' ? postmasterOf(container) : mainProcessOf(container));
        return container.service;
      case 'pause':
        await this.pause(fault.victim === 'patroni' ? async () => [mainProcessOf(container)] : async () => processesOf(container), fault.durationMs);
        return container.service;
      case 'cut': {
        const peer = await this.containerOf(fault.peer);
        await this.cut(container, peer, fault.durationMs);
        return `${container.service} and ${peer.service}`;
      }
      case 'disk_full':
        await this.fillDisk(container, fault.durationMs);
        return container.service;
    }
  }

  private async containerOf(target: Target): Promise<Container> {
    const [cluster = '', role] = target.split(' ');
    if (!role) return this.platform.container(target);
    // Between two leaders there is none: then the first node stands for it, as good a victim as the other.
    const leader = await this.platform.leaderOf(cluster).catch(() => `${cluster}-a`);
    return this.platform.container(role === 'leader' ? leader : leader.endsWith('-a') ? `${cluster}-b` : `${cluster}-a`);
  }

  /** Stops until no process is found that was not stopped before: one may have been born in between. */
  private async pause(processes: () => Promise<number[]>, durationMs: number): Promise<void> {
    const stopped = new Set<number>();
    try {
      for (let found = await processes(); found.some((pid) => !stopped.has(pid)); found = await processes()) {
        for (const pid of found.filter((one) => !stopped.has(one))) {
          signal(pid, 'SIGSTOP');
          stopped.add(pid);
        }
      }
      await pause(durationMs);
    } finally {
      for (const pid of stopped) signal(pid, 'SIGCONT');
    }
  }

  /**
   * On both sides the other one's address is given the hardware address of nobody, so that packets leave and arrive nowhere, without a word.
   * It needs no module of the kernel, and ends with the namespace if a container dies meanwhile.
   */
  private async cut(one: Container, other: Container, durationMs: number): Promise<void> {
    const [addressesOfOne, addressesOfOther] = await Promise.all([addressesOf(one), addressesOf(other)]);
    const shared = [...addressesOfOne.keys()].filter((network) => addressesOfOther.has(network));
    if (shared.length === 0) throw new Error(`${one.service} and ${other.service} share no network`);
    const side = (container: Container, peers: ReadonlyMap<string, string>): Promise<unknown> =>
      this.helper(durationMs, ['--network', `container:${container.id}`, '--cap-add', 'NET_ADMIN'], ['lose-neighbours', String(durationMs / 1_000), ...shared.map((network) => peers.get(network) ?? '')]);
    await Promise.all([side(one, addressesOfOther), side(other, addressesOfOne)]);
  }

  /**
   * A disk that is really full would be the host's: volumes have no limit of their own. So the kernel's answer is given instead: strace holds
   * every process of the node and answers the calls by which Postgres writes to files (pages, WAL, new segments) with ENOSPC. If strace dies,
   * the kernel lets the processes go. What goes by write(2), such as Patroni's configuration, is spared.
   */
  private async fillDisk(container: Container, durationMs: number): Promise<void> {
    await this.helper(durationMs, ['--pid', `container:${container.id}`, '--cap-add', 'SYS_PTRACE'], ['refuse-writes', String(durationMs / 1_000)]);
  }

  /** A container that makes a fault, waits and undoes it. */
  private async helper(durationMs: number, access: readonly string[], command: readonly string[]): Promise<void> {
    const name = `${this.platform.instance.name}-fault-${process.pid}-${Math.floor(performance.now())}-${command[0]}-${++helpers}`;
    const label = ['--label', `org.holdfast.faults=${this.platform.instance.name}`];
    try {
      const outcome = await run('timeout', [String((durationMs + 6 * HELPER_MARGIN_MS) / 1_000), 'docker', 'run', '--rm', '--name', name, ...label, '--cap-drop', 'ALL', ...access, this.image, ...command]);
      if (outcome.exitCode !== 0) throw new Error(`${command.join(' ')} exited ${outcome.exitCode}: ${outcome.stderr.trim().slice(-500)}`);
    } finally {
      // Gone already, unless the wait was cut short: its end undoes the fault.
      await run('docker', ['stop', '--time', PUTS_BACK_WITHIN_S, name]);
    }
  }

  /** Undoes what a run that was itself killed may have left: stopped processes, and helpers that still wait. */
  async undoAll(): Promise<void> {
    const left = (await must('docker', ['ps', '-q', '--filter', `label=org.holdfast.faults=${this.platform.instance.name}`])).split('\n').filter(Boolean);
    if (left.length > 0) await run('docker', ['stop', '--time', PUTS_BACK_WITHIN_S, ...left]);
    for (const container of await this.platform.containers()) {
      if (container.pid > 0) for (const pid of processesOf(container)) signal(pid, 'SIGCONT');
    }
  }
}

let helpers = 0;

/** Addresses of a container, by network. */
async function addressesOf(container: Container): Promise<Map<string, string>> {
  const inspected = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${container.id}/json`);
  return new Map(Object.entries(inspected.NetworkSettings.Networks).map(([network, { IPAddress }]): [string, string] => [network, IPAddress]).filter(([, address]) => address !== ''));
}

/** A process that has just ended cannot be signalled any more, and need not be. */
function signal(pid: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function kill(pid: number): void {
  signal(pid, 'SIGKILL');
}

/** All processes of a container but Docker's small init, by the host's ids. */
function processesOf(container: Container): number[] {
  const below = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...below(child)]);
  return isInit(container.pid) ? below(container.pid) : [container.pid, ...below(container.pid)];
}

function mainProcessOf(container: Container): number {
  const pid = isInit(container.pid) ? childrenOf(container.pid)[0] : container.pid;
  if (!pid) throw new Error(`${container.service} does not run`);
  return pid;
}

function postmasterOf(container: Container): number {
  const pid = processesOf(container).find((one) => nameOf(one) === 'postgres');
  // Patroni is just starting it anew: the fault strikes what there is.
  return pid ?? mainProcessOf(container);
}

function isInit(pid: number): boolean {
  return ['docker-init', 'tini'].includes(nameOf(pid));
}

function nameOf(pid: number): string {
  return proc(pid, 'comm').trim();
}

/** Of all its threads: each may have children of its own. */
function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) => proc(pid, `task/${thread}/children`).trim().split(' ').filter(Boolean).map(Number));
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
