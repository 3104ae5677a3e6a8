import { chmod, chown, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alertmanagerConfiguration, secretFile, type Receiver } from '../../alertmanager/routing.ts';
import { components } from '../../components.ts';
import type { Instance } from '../instance.ts';

/** What Alertmanager reads of who is told: its configuration, and a file for each address or key. */
export async function writeReceivers(instance: Instance): Promise<void> {
  const receivers = instance.settings.receivers ?? [];
  if (receivers.length === 0) await rm(pathOf(instance, 'routing.yml'), { force: true });
  else await ownFile(pathOf(instance, 'routing.yml'), alertmanagerConfiguration(receivers));
}

export async function writeReceiverSecret(instance: Instance, receiver: Receiver, secret: string): Promise<void> {
  await ownFile(pathOf(instance, secretFile(receiver.name)), secret);
}

export async function forgetReceiver(instance: Instance, name: string): Promise<void> {
  await rm(pathOf(instance, secretFile(name)), { force: true });
}

function pathOf(instance: Instance, file: string): string {
  return join(instance.directory, 'secrets', 'alertmanager', file);
}

/** For Alertmanager's eyes only, whole or not at all. */
async function ownFile(path: string, content: string): Promise<void> {
  const { uid } = components.alertmanager;
  await writeFile(`${path}.new`, content, { mode: 0o400 });
  await chmod(`${path}.new`, 0o400);
  await chown(`${path}.new`, uid, uid);
  await rename(`${path}.new`, path);
}
