import { join } from 'node:path';
import { run, type Outcome } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { Platform } from '../kit/platform.ts';

/** A command of ours on the platform of the drill, beside those of its page. */
export function holdfast({ instance }: Platform, ...words: string[]): Promise<Outcome> {
  return run('node', ['--disable-warning=ExperimentalWarning', join(PROJECT, 'platform/cli/main.ts'), '--instance', instance.name, ...words]);
}
