import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../../platform/cli/versions.ts';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';

/** As if it were another disk. */
const DIRECTORY = join(PROJECT, '.holdfast', 'test-reports', 'alerts');
const KIT = join(DIRECTORY, 'holdfast.kit');
const PASSPHRASE_FILE = join(DIRECTORY, 'passphrase');

export const recoveryKitFaults: readonly Fault[] = [
  {
    alert: 'RecoveryKitMissing', what: 'a secret is rotated after the kit was exported', labels: {}, prepare: exportKit, make: (platform) => command(platform, 'rotate', 'redis-reporting-password'),
    variables: { KIT: `${KIT}.new`, PASSPHRASE_FILE }, scaled: { for: '15s' }, touches: ['redis', 'reporting'],
  },
];

async function exportKit(platform: Platform): Promise<void> {
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(PASSPHRASE_FILE, 'a passphrase of the tests of alerts\n', { mode: 0o600 });
  await command(platform, 'recovery-kit', 'export', KIT, '--passphrase-file', PASSPHRASE_FILE);
}

async function command(platform: Platform, ...words: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await platform.command(...words);
  if (exitCode !== 0) throw new Error(`${words.join(' ')}: ${(stderr || stdout).slice(-500)}`);
}
