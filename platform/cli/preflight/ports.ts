import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

const LISTEN = '0A';

/** Who listens on a TCP port of the host, or undefined. The toolbox shares the host's network and processes. */
export async function holderOfPort(port: number): Promise<{ name: string; pid?: number } | undefined> {
  const inodes = [...(await listeners('/proc/net/tcp', port)), ...(await listeners('/proc/net/tcp6', port))];
  if (inodes.length === 0) return undefined;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (inodes.some((inode) => target === `socket:[${inode}]`)) {
        // The program's file, not its `comm`: programs rename their threads.
        return { name: basename(await readlink(`/proc/${pid}/exe`)), pid: Number(pid) };
      }
    }
  }
  return { name: 'another program' };
}

/** Inodes of the sockets that listen on `port`, from the kernel's table (proc(5): local_address is hex, state is the fourth field). */
async function listeners(table: string, port: number): Promise<string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await readFile(table, 'utf8').catch(() => '')).trim().split('\n').slice(1);
  return rows.map((row) => row.trim().split(/\s+/)).flatMap(([, address, , state, , , , , , inode]) =>
    address?.endsWith(suffix) && state === LISTEN && inode ? [inode] : []);
}
