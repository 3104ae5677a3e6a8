import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where a Linux tells of its mounts and devices; a test gives others. */
export interface Machine {
  /** Text of proc_pid_mountinfo(5). */
  mountinfo: string;
  /** Where sysfs is mounted. */
  sys: string;
}

export function thisMachine(): Machine {
  return { mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'), sys: '/sys' };
}

interface Mount {
  point: string;
  device: string;
  fileSystem: string;
  source: string;
}

/** File systems that are on another machine: what holds the data cannot be the disk under them. */
const REMOTE = /^(nfs4?|cifs|smb3|ceph|glusterfs|lustre|fuse\.(sshfs|glusterfs|s3fs|rclone))$/;

/**
 * The physical disks under a path, by name, such as `sda`, sorted: through partitions, LVM, RAID and encryption. Another machine's are named after the
 * mount's source. Empty where nothing can be said, as of a file system in memory.
 */
export function disksUnder(path: string, machine: Machine): string[] {
  const mount = mountOf(path, machine.mountinfo);
  if (!mount) return [];
  if (REMOTE.test(mount.fileSystem)) return [mount.source];
  if (mount.fileSystem === 'zfs') return [`zfs ${mount.source.split('/')[0]}`];
  const direct = join(machine.sys, 'dev/block', mount.device);
  if (!mount.device.startsWith('0:') && existsSync(direct)) return [...new Set(physical(realpathSync(direct)))].toSorted();
  // btrfs and its like count devices of their own, and tell the real one as their source.
  const named = mount.source.startsWith('/dev/') ? blockDevice(mount.source, machine.sys) : undefined;
  return named ? [...new Set(physical(named))].toSorted() : [];
}

/** True as well where nothing can be said of one of them: what is not known to be apart is not apart. */
export function shareADisk(path: string, other: string, machine: Machine): boolean {
  const [disks, others] = [disksUnder(path, machine), disksUnder(other, machine)];
  return disks.length === 0 || others.length === 0 || disks.some((disk) => others.includes(disk));
}

/** The mount that a path is in: the longest of those above it, the last of those at one place. */
function mountOf(path: string, mountinfo: string): Mount | undefined {
  const above = mountinfo.split('\n').filter((line) => line !== '').map(readMount).filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  const longest = Math.max(...above.map(({ point }) => point.length));
  return above.findLast(({ point }) => point.length === longest);
}

function readMount(line: string): Mount {
  const [left = '', right = ''] = line.split(' - ');
  const [, , device = '', , point = ''] = left.split(' ');
  const [fileSystem = '', source = ''] = right.split(' ');
  return { point: unescaped(point), device, fileSystem, source: unescaped(source) };
}

/** Blanks and their like are octal there. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function blockDevice(source: string, sys: string): string | undefined {
  const classes = join(sys, 'class/block');
  const name = basename(source);
  if (existsSync(join(classes, name))) return realpathSync(join(classes, name));
  const mapped = existsSync(classes) ? readdirSync(classes).find((one) => {
    const label = join(classes, one, 'dm/name');
    return existsSync(label) && readFileSync(label, 'utf8').trim() === name;
  }) : undefined;
  return mapped && realpathSync(join(classes, mapped));
}

/** From a device's directory in sysfs down to the disks: what it is made of, or what it is a part of, or itself. */
function physical(directory: string): string[] {
  const slaves = join(directory, 'slaves');
  const made = existsSync(slaves) ? readdirSync(slaves) : [];
  if (made.length > 0) return made.flatMap((slave) => physical(realpathSync(join(slaves, slave))));
  return [basename(existsSync(join(directory, 'partition')) ? dirname(directory) : directory)];
}
