import type { Outcome } from '../../platform/cli/run.ts';
import type { Platform } from '../kit/platform.ts';

/** A command of ours on the platform of the drill, beside those of its page. */
export function holdfast(platform: Platform, ...words: string[]): Promise<Outcome> {
  return platform.command(...words);
}
