import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { components } from '../../components.ts';
import type { Instance } from '../instance.ts';
import { ownedFile } from '../state/secrets.ts';
import { writeWhole } from '../state/write-whole.ts';
import { digestsOfSecrets } from './contents.ts';

/** What is remembered of the newest kit. Digests of secrets, beside the secrets themselves and as secret as they. */
interface KitRecord {
  made_at: string;
  file: string;
  digests: Record<string, string>;
}

export interface KitState {
  /** A kit of the secrets as they are now has been exported. */
  readonly current: boolean;
  readonly made_at: string | null;
  readonly file: string | null;
  /** In the kit with another value than now. */
  readonly changed: readonly string[];
  /** Not in the kit. */
  readonly added: readonly string[];
}

const recordFile = (instance: Instance): string => join(instance.directory, 'recovery-kit.json');

export async function rememberKit(instance: Instance, file: string, madeAt: string): Promise<void> {
  const record: KitRecord = { made_at: madeAt, file, digests: await digestsOfSecrets(instance.directory, instance.settings.backupRepository) };
  await writeWhole(recordFile(instance), `${JSON.stringify(record, null, 2)}\n`);
  await tellKitState(instance);
}

/** Holds the newest kit against the secrets of now. What is in the kit and no longer in use does no harm. */
export async function kitState(instance: Instance): Promise<KitState> {
  const record = existsSync(recordFile(instance)) ? (JSON.parse(await readFile(recordFile(instance), 'utf8')) as KitRecord) : undefined;
  const now = Object.entries(await digestsOfSecrets(instance.directory, instance.settings.backupRepository));
  const changed = record ? now.filter(([name, digest]) => name in record.digests && record.digests[name] !== digest).map(([name]) => name) : [];
  const added = record ? now.filter(([name]) => !(name in record.digests)).map(([name]) => name) : [];
  return { current: record !== undefined && changed.length + added.length === 0, made_at: record?.made_at ?? null, file: record?.file ?? null, changed, added };
}

/** Lets the scheduler of backups tell Prometheus, whose alert nags until there is a kit of the secrets as they are. */
export async function tellKitState(instance: Instance): Promise<void> {
  const directory = join(instance.directory, 'secrets', 'backup-scheduler');
  if (!existsSync(directory)) return;
  const { current, made_at } = await kitState(instance);
  await ownedFile(join(directory, 'recovery-kit.json'), JSON.stringify({ current, made_at }), components['backup-scheduler'].uid);
}
