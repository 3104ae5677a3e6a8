import type { Platform } from '../kit/platform.ts';
import { beginHelper, endHelper } from './containers-beside.ts';

/** Each wait of a program for its disk takes so much longer. */
export const syncsLate = (service: string, program: string, ms: number) => async (platform: Platform): Promise<void> => {
  const { id } = await platform.container(service);
  await beginHelper(platform, `late-${service}`, ['--pid', `container:${id}`, '--cap-add', 'SYS_PTRACE'], ['slow-syncs', '900', String(ms), program]);
};

export const syncsInTime = (service: string) => (platform: Platform): Promise<void> => endHelper(platform, `late-${service}`);
