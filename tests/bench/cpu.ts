import { readdirSync, readFileSync } from 'node:fs';
import type { CpuUse } from './statistics.ts';

/** Linux counts /proc in hundredths of a second, whatever the kernel's own clock. */
const TICKS_A_SECOND = 100;

/** CPU-seconds used until a moment: by the machine, by each container, and by Docker's daemon. */
export interface CpuReading {
  readonly at_ms: number;
  readonly host_s: number;
  readonly containers: Readonly<Record<string, number>>;
  readonly docker_s: number;
}

/** Containers by a name to show; by id, as their cgroups are. */
export function readCpu(containers: Readonly<Record<string, string>>): CpuReading {
  return {
    at_ms: performance.now(),
    host_s: hostSeconds(readFileSync('/proc/stat', 'utf8')),
    containers: Object.fromEntries(Object.entries(containers).map(([name, id]) => [name, containerSeconds(id)])),
    docker_s: daemonSeconds(),
  };
}

/** All that the machine did, interrupts and what a hypervisor took included, but waiting. (proc(5): user nice system idle iowait irq softirq steal) */
export function hostSeconds(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (stat.split('\n')[0] ?? '').split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_A_SECOND;
}

/** The CPU of a container, under either version of cgroups; 0 for one that is gone. */
function containerSeconds(id: string): number {
  try {
    return Number(readFileSync(`/sys/fs/cgroup/cpuacct/docker/${id}/cpuacct.usage`, 'utf8')) / 1e9;
  } catch {
    for (const place of [`/sys/fs/cgroup/docker/${id}`, `/sys/fs/cgroup/system.slice/docker-${id}.scope`]) {
      try {
        return Number(/usage_usec (\d+)/.exec(readFileSync(`${place}/cpu.stat`, 'utf8'))?.[1] ?? 0) / 1e6;
      } catch {
        // The other place, then.
      }
    }
    return 0;
  }
}

/** Docker's daemon, which writes down what containers log (some 12 us a line). Shown, but foreign: it is in no cgroup of ours, and builds for others as well. */
function daemonSeconds(): number {
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      if (!stat.includes('(dockerd)')) continue;
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended between the list and the look.
    }
  }
  return ticks / TICKS_A_SECOND;
}

export function between(from: CpuReading, to: CpuReading): CpuUse {
  const containers_s = Object.keys(to.containers).reduce((sum, name) => sum + spent(from, to, name), 0);
  return { wall_s: (to.at_ms - from.at_ms) / 1_000, host_s: to.host_s - from.host_s, own_s: containers_s };
}

/** Microseconds of CPU for each of `count` things, by container; those below a microsecond are left out. */
export function microsecondsEach(from: CpuReading, to: CpuReading, count: number): Record<string, number> {
  const all = [...Object.keys(to.containers).map((name) => [name, spent(from, to, name)] as const), ['docker', to.docker_s - from.docker_s] as const];
  return Object.fromEntries(all.map(([name, seconds]) => [name, Math.round((seconds * 1e6) / Math.max(1, count))] as const).filter(([, each]) => each > 0));
}

function spent(from: CpuReading, to: CpuReading, name: string): number {
  return Math.max(0, (to.containers[name] ?? 0) - (from.containers[name] ?? to.containers[name] ?? 0));
}
