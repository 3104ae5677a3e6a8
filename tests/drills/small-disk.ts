import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { faultsImage, images, imageTag } from '../../platform/cli/images/catalogue.ts';
import { ensureImages } from '../../platform/cli/images/ensure.ts';
import { must, run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { Platform } from '../kit/platform.ts';

/** Postgres in its image. */
const OWNER = 6110;

/**
 * A disk for the volume of one node, really of its size: a file that the kernel takes for a disk (a loop device), with a file system on it that Docker mounts. All by containers, as
 * the tests may run in one. The file has holes: what nobody writes takes no room of the host.
 */
export class SmallDisk {
  private readonly platform: Platform;
  private readonly node: string;
  private readonly directory: string;

  constructor(platform: Platform, node: string) {
    this.platform = platform;
    this.node = node;
    this.directory = join(PROJECT, '.holdfast', '_small-disk', `${platform.instance.name}-${node}`);
  }

  /** In the place of the node's volume, which must be gone. */
  async make(size_mib: number): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    await ensureImages(this.platform.instance.settings.registry, this.directory, () => undefined, [...images.filter(({ name }) => name === 'base'), faultsImage]);
    // Its name is followed by a word of wonder where the container has no such device, as here.
    const [free = ''] = (await this.root(['--device', '/dev/loop-control'], `
      truncate --size "$1M" /disk/image
      mke2fs -q -F -t ext4 -m 0 -E root_owner=${OWNER}:${OWNER} /disk/image
      losetup --find`, String(size_mib))).split(' ');
    await this.root(['--device', free], 'losetup "$1" /disk/image', free);
    const labels = { 'com.docker.compose.project': this.platform.instance.name, 'com.docker.compose.volume': this.node };
    await must('docker', ['volume', 'create', '--driver', 'local', '--opt', 'type=ext4', '--opt', `device=${free}`, ...Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]), this.volume]);
  }

  /** The node's volume is gone then, whether it was this disk or not, and what was on it. No container may have it any more. */
  async remove(): Promise<void> {
    const { exitCode, stdout } = await run('docker', ['volume', 'inspect', '--format', '{{.Options.device}}', this.volume]);
    const device = stdout.trim();
    if (exitCode === 0) await must('docker', ['volume', 'rm', this.volume]);
    if (device.startsWith('/dev/loop')) await this.root(['--device', device], 'losetup --detach "$1"', device);
    await rm(this.directory, { recursive: true, force: true });
  }

  private get volume(): string {
    return `${this.platform.instance.name}_${this.node}`;
  }

  private async root(access: readonly string[], script: string, ...args: string[]): Promise<string> {
    const image = imageTag(this.platform.instance.settings.registry, faultsImage.name);
    return (await must('docker', ['run', '--rm', '--network', 'none', '--user', '0:0', ...access, '--volume', `${this.directory}:/disk`, image, 'sh', '-euc', script, 'sh', ...args])).trim();
  }
}
