import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SECRETS } from './settings.ts';

/** What `holdfast` has written of the recovery kit (platform/cli/recovery-kit/record.ts), told to Prometheus here, as a kit has no process of its own. Nothing before the first word of it. */
export function kitMetric(directory = SECRETS): string {
  let state: string;
  try {
    state = readFileSync(join(directory, 'recovery-kit.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  const { current } = JSON.parse(state) as { current: boolean };
  return `# HELP recovery_kit_current Whether a recovery kit with the secrets as they are now has been exported\n# TYPE recovery_kit_current gauge\nrecovery_kit_current ${Number(current)}\n`;
}
