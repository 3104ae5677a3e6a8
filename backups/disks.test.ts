import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { disksUnder, shareADisk, type Machine } from './disks.ts';

let machine: Machine;

/** A sysfs with two disks: sda with two partitions, one of them in a volume group with sdb; the volume is encrypted. */
beforeAll(() => {
  const sys = mkdtempSync(join(tmpdir(), 'sysfs-'));
  const device = (path: string, number: string, name: string): string => {
    const directory = join(sys, 'devices', path);
    mkdirSync(directory, { recursive: true });
    for (const link of [join(sys, 'dev/block', number), join(sys, 'class/block', name)]) {
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(directory, link);
    }
    return directory;
  };
  const file = (path: string, content: string): void => { mkdirSync(dirname(path), { recursive: true }); writeFileSync(path, content); };
  device('pci/sda', '8:0', 'sda');
  const sda1 = device('pci/sda/sda1', '8:1', 'sda1');
  const sda2 = device('pci/sda/sda2', '8:2', 'sda2');
  for (const partition of [sda1, sda2]) file(join(partition, 'partition'), '1\n');
  const sdb = device('pci/sdb', '8:16', 'sdb');
  device('pci/sdc', '8:32', 'sdc');
  const [volume, encrypted] = [device('virtual/dm-0', '253:0', 'dm-0'), device('virtual/dm-1', '253:1', 'dm-1')];
  for (const [above, below] of [[volume, sda2], [volume, sdb], [encrypted, volume]] as const) {
    mkdirSync(join(above, 'slaves'), { recursive: true });
    symlinkSync(below, join(above, 'slaves', below.split('/').at(-1)!));
  }
  file(join(encrypted, 'dm/name'), 'vault\n');
  machine = { sys, mountinfo: `
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 253:1 / /data rw,relatime shared:2 - xfs /dev/mapper/vault rw
23 21 8:32 / /mnt/backups rw,relatime - ext4 /dev/sdc rw
24 21 8:2 / /mnt/a\\040b rw - ext4 /dev/sda2 rw
25 21 0:40 / /mnt/nas rw - nfs4 nas.example:/export rw
26 21 0:41 / /mnt/memory rw - tmpfs tmpfs rw
27 21 0:42 / /mnt/btrfs rw - btrfs /dev/sdc rw
28 21 0:43 / /mnt/mapped rw - btrfs /dev/mapper/vault rw
29 21 0:44 / /mnt/pool rw - zfs tank/backups rw
30 21 8:1 / /mnt/covered rw - ext4 /dev/sda1 rw
31 30 8:32 / /mnt/covered rw - ext4 /dev/sdc rw
` };
});
afterAll(() => rmSync(machine.sys, { recursive: true }));

for (const [path, disks] of [
  ['/', ['sda']],
  ['/var/lib/docker', ['sda']],
  ['/database', ['sda']],
  ['/data/deep/down', ['sda', 'sdb']],
  ['/mnt/backups', ['sdc']],
  ['/mnt/backups-too', ['sda']],
  ['/mnt/a b/c', ['sda']],
  ['/mnt/nas/x', ['nas.example:/export']],
  ['/mnt/memory', []],
  ['/mnt/btrfs', ['sdc']],
  ['/mnt/mapped', ['sda', 'sdb']],
  ['/mnt/pool/x', ['zfs tank']],
  ['/mnt/covered', ['sdc']],
] as const) {
  test(`the disks under ${path}`, () => expect(disksUnder(path, machine)).toEqual(disks));
}

test('another partition of the same disk, or a part of the same volume group, could pass for another disk', () => {
  expect(shareADisk('/var/lib/docker', '/mnt/a b', machine)).toBe(true);
  expect(shareADisk('/var/lib/docker', '/data', machine)).toBe(true);
  expect(shareADisk('/var/lib/docker', '/mnt/backups', machine)).toBe(false);
  expect(shareADisk('/var/lib/docker', '/mnt/nas', machine)).toBe(false);
});

test('what nobody knows anything about could pass for another disk', () => {
  expect(shareADisk('/var/lib/docker', '/mnt/memory', machine)).toBe(true);
});
