import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stopInOrder } from '../commands/down.ts';
import { containersOf } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { versionsOf } from '../preflight/checks.ts';
import type { Progress } from '../progress.ts';
import { versions } from '../versions.ts';
import { writeUpgrade, type UpgradeAttempt } from './attempt.ts';
import { setUp } from './set-up.ts';

/** The version that runs, where it is not this one. */
export async function otherVersionRunning(instance: Instance): Promise<string | undefined> {
  const running = (await containersOf(instance)).filter(({ health }) => health !== 'stopped');
  return versionsOf(running.map(({ image }) => image)).find((version) => version !== versions.HOLDFAST_VERSION);
}

/**
 * Makes room for this version: first its migrations, while the earlier one serves on, as by rule each suits the version before it. One that fails has
 * cost nobody anything. Then the earlier version is stopped in order. Going back there are no migrations, and the newer version may be too ill for anything.
 */
export async function replaceVersion(instance: Instance, { from, goBack }: { from: string; goBack: boolean }, progress: Progress): Promise<void> {
  const attempt = { from, to: versions.HOLDFAST_VERSION ?? '', began_at: new Date().toISOString() };
  if (!goBack) {
    await writeUpgrade(instance, attempt);
    await progress.step(`migrations of ${attempt.to}, while ${from} runs on`, () => migrate(instance, attempt));
  }
  await progress.step(`stopping ${from}`, (say) => stopInOrder(instance, say));
}

async function migrate(instance: Instance, attempt: UpgradeAttempt): Promise<void> {
  const logFile = join(instance.directory, 'log', 'setup.log');
  if ((await setUp(instance, { logFile, only: 'postgres' })).exitCode === 0) return;
  const refused = reasonIn(await readFile(logFile, 'utf8').catch(() => ''));
  await writeUpgrade(instance, { ...attempt, refused });
  throw new UserError(`the upgrade to ${attempt.to} was given up, and ${attempt.from} runs on: ${refused}.`, [
    `Leave it at that, in the directory of ${attempt.from}:  ./holdfast up --go-back`,
    'What that means:  ./holdfast runbook show upgrade-failed',
    `All of it:        less ${logFile}`,
    'When it is mended, once more:  ./holdfast up',
  ]);
}

/** The last thing that the setup job said of why it stopped. */
export function reasonIn(log: string): string {
  return /.*^setup stopped at postgres: ([^\n]+)/ms.exec(log)?.[1]?.replace(/\.$/, '') ?? 'its setup job did not start';
}
