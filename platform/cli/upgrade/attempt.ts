import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '../instance.ts';
import { writeWhole } from '../state/write-whole.ts';

/** An upgrade that was begun, and not finished by either version: `up` of the newer one, or of the earlier one that goes on. */
export interface UpgradeAttempt {
  readonly from: string;
  readonly to: string;
  readonly began_at: string;
  /** Why its migrations were not applied. Then nothing was stopped. */
  readonly refused?: string;
}

const fileOf = (instance: Instance): string => join(instance.directory, 'upgrade.json');

export async function readUpgrade(instance: Instance): Promise<UpgradeAttempt | undefined> {
  return existsSync(fileOf(instance)) ? (JSON.parse(await readFile(fileOf(instance), 'utf8')) as UpgradeAttempt) : undefined;
}

export async function writeUpgrade(instance: Instance, attempt: UpgradeAttempt): Promise<void> {
  await writeWhole(fileOf(instance), `${JSON.stringify(attempt, null, 2)}\n`);
}

export async function forgetUpgrade(instance: Instance): Promise<void> {
  await rm(fileOf(instance), { force: true });
}
