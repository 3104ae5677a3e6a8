import { readdirSync, readFileSync } from 'node:fs';
import type { Sighting } from './watch.ts';

/**
 * The host's processes, as /proc shows them to anybody (the container shares the host's process ids).
 *
 * The death of a container's first process is the death of all of them: the kernel ends every process of its namespace and waits for the last one
 * before the first is gone itself (pid_namespaces(7)). So that one process is all that has to be watched, and neither a pause nor a network that is
 * cut looks like its end.
 */
export class Processes {
  private readonly proc: string;

  constructor(proc = '/proc') {
    this.proc = proc;
  }

  /** The first process of a container that runs now; Docker names control groups by the container's id. */
  firstOf(container: string): Sighting | undefined {
    if (!/^[0-9a-f]{12,64}$/.test(container)) return undefined;
    for (const name of readdirSync(this.proc)) {
      if (!/^\d+$/.test(name) || !this.isFirstOf(container, name)) continue;
      const start = this.startOf(Number(name));
      if (start !== undefined) return { pid: Number(name), start };
    }
    return undefined;
  }

  /** Throws where the processes of others cannot be seen (a /proc mounted with hidepid): not to see somebody proves nothing then. */
  lives({ pid, start }: Sighting): boolean {
    if (this.startOf(pid) === start) return true;
    if (this.startOf(1) === undefined) throw new Error(`${this.proc} does not show the processes of the host`);
    return false;
  }

  private isFirstOf(container: string, pid: string): boolean {
    const innermost = /^NSpid:(.*)$/m.exec(this.read(`${pid}/status`))?.[1]?.trim().split(/\s+/) ?? [];
    return innermost.length > 1 && innermost.at(-1) === '1' && this.read(`${pid}/cgroup`).includes(container);
  }

  /** Undefined where it is gone, or dead and not yet buried. */
  private startOf(pid: number): string | undefined {
    const stat = this.read(`${pid}/stat`);
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  }

  private read(file: string): string {
    try {
      return readFileSync(`${this.proc}/${file}`, 'utf8');
    } catch (error) {
      // It ended meanwhile: ENOENT when the file is opened, ESRCH when it is read. Anything else is blindness, which must not pass for death.
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
      throw error;
    }
  }
}
