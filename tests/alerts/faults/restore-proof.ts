import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';

const WRITTEN = '/var/lib/restore-proof';

export const restoreProofFaults: readonly Fault[] = [
  { alert: 'RestoreProofTooOld', what: 'the last proof is made 30 hours old', labels: {}, prepare: prove, make: ageProof, scaled: { for: '15s' }, touches: ['restore-proof'] },
  { alert: 'RestoreProofFailed', what: 'the proof is given another passphrase than that of the backups', labels: {}, prepare: prove, make: forgetPassphrase, undo: rememberPassphrase, touches: ['restore-proof'], alone: true },
];

/** Unless one has succeeded since the installation. */
async function prove(platform: Platform): Promise<void> {
  const proven = await platform.prometheus('restore_proof_last_success_timestamp_seconds > 0 and restore_proof_result == 1');
  if (proven.length > 0) return;
  const { exitCode, stdout, stderr } = await platform.command('prove-restore');
  if (exitCode !== 0) throw new Error(`prove-restore: ${(stderr || stdout).slice(-500)}`);
}

/** In what it has written for Prometheus; the next proof writes it anew. */
async function ageProof(platform: Platform): Promise<void> {
  const then = Math.round(Date.now() / 1_000) - 30 * 3_600;
  await platform.inside('restore-proof', 'sed', '-i', `s/^restore_proof_last_success_timestamp_seconds .*/restore_proof_last_success_timestamp_seconds ${then}/`, `${WRITTEN}/metrics.prom`);
}

let passphrase: string | undefined;

function passphraseFile({ instance }: Platform): string {
  return join(instance.directory, 'secrets', 'restore-proof', 'pgbackrest-cipher-passphrase');
}

async function forgetPassphrase(platform: Platform): Promise<void> {
  passphrase = readFileSync(passphraseFile(platform), 'utf8');
  writeFileSync(passphraseFile(platform), 'another\n');
  await platform.command('prove-restore');
}

function rememberPassphrase(platform: Platform): Promise<void> {
  if (passphrase !== undefined) writeFileSync(passphraseFile(platform), passphrase);
  return Promise.resolve();
}
