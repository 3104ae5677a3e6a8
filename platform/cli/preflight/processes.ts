import { readdir, readFile } from 'node:fs/promises';

/** Process ids of the host, by the name of their program; the toolbox shares the host's process table. */
export async function processesNamed(name: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const named = await Promise.all(pids.map(async (pid) => ({ pid: Number(pid), name: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() })));
  return named.filter((process) => process.name === name).map(({ pid }) => pid);
}
