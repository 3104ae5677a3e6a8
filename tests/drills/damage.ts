import { dockerApi } from '../../platform/cli/docker-api.ts';
import { must } from '../../platform/cli/run.ts';
import type { Platform } from '../kit/platform.ts';

/** Breaks things as disks and people do. */
export class Damage {
  private readonly platform: Platform;

  constructor(platform: Platform) {
    this.platform = platform;
  }

  /** The container is gone, and so is every volume that it had, but those that are spared, by their names in the compose files: as when its disk dies. Says what was lost. */
  async destroy(service: string, spared: readonly string[] = []): Promise<string[]> {
    const { id } = await this.platform.container(service);
    const { Mounts } = await dockerApi<{ Mounts: { Type: string; Name?: string }[] }>(`/containers/${id}/json`);
    const volumes = Mounts.filter(({ Type }) => Type === 'volume').map(({ Name = '' }) => Name).filter((name) => !spared.some((one) => name === `${this.platform.instance.name}_${one}`));
    if (volumes.length === 0) throw new Error(`${service} has no volume to lose`);
    await must('docker', ['rm', '--force', id]);
    await must('docker', ['volume', 'rm', ...volumes]);
    return volumes;
  }

  /** The node of a cluster that leads, or the one that does not. */
  async node(cluster: string, role: 'leader' | 'replica'): Promise<string> {
    const leader = await this.platform.leaderOf(cluster);
    return role === 'leader' ? leader : leader.endsWith('-a') ? `${cluster}-b` : `${cluster}-a`;
  }
}
