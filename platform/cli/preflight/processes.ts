import { readdir, readFile } from 'node:fs/promises';

/** Process ids of the host, by the name of their program; the toolbox shares the host's process table. */
export async function processesNamed(name: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => names[index]!.trim() === name).map(Number);
}
