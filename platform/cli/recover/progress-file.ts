import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { writeWhole } from '../state/write-whole.ts';
import type { Cut } from './cut.ts';

/** How far a recovery is: it goes on from there after an interruption, and `up` stays away from half-restored data. */
export interface Recovery {
  /** `imported`: secrets are here, and no data yet. `restoring`: volumes are being filled. `starting`: all data is here. */
  phase: 'imported' | 'restoring' | 'starting';
  began_at: string;
  /** Directory of the repository, an absolute path of the host. */
  repository?: string;
  /** The moment that was asked for. */
  to?: string;
  cut?: Cut;
  /** The moment of the cut, and each cluster's last transaction. */
  at?: string;
  reached?: Record<string, string | null>;
}

const fileOf = (instance: Instance): string => join(instance.directory, 'recovery.json');

export async function readRecovery(instance: Instance): Promise<Recovery | undefined> {
  return existsSync(fileOf(instance)) ? (JSON.parse(await readFile(fileOf(instance), 'utf8')) as Recovery) : undefined;
}

export async function writeRecovery(instance: Instance, recovery: Recovery): Promise<void> {
  await writeWhole(fileOf(instance), `${JSON.stringify(recovery, null, 2)}\n`);
}

export async function endRecovery(instance: Instance): Promise<void> {
  await rm(fileOf(instance), { force: true });
}

/** Throws where data has yet to come: a start would make empty databases in its place. */
export async function refuseWhileRecovering(instance: Instance): Promise<void> {
  const recovery = await readRecovery(instance);
  if (recovery === undefined || recovery.phase === 'starting') return;
  throw new UserError(`"${instance.name}" is being recovered: its ${recovery.phase === 'imported' ? 'secrets are here, and its data is not' : 'data is not complete'}.`, [
    `Go on with it:                   ./holdfast recover${recovery.repository === undefined ? ' --repository DIR' : ''}`,
    `Or start it with no data at all:  rm ${fileOf(instance)}, then ./holdfast up`,
  ]);
}
