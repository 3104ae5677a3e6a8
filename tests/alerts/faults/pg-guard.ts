import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';

export const pgGuardFaults: readonly Fault[] = [
  { alert: 'SingleCopyAccepted', what: 'somebody accepts the risk for ledger0', labels: { cluster: 'ledger0' }, make: acceptRisk, always: true },
  { alert: 'PostgresLeaderUnseen', what: 'pg-guard is started without a sight of the processes of the host', labels: { cluster: 'core' }, make: blindfold, scaled: { for: '15s' }, touches: ['pg-guard'] },
];

async function acceptRisk(platform: Platform): Promise<void> {
  const { exitCode, stderr } = await platform.command('cluster', 'accept-risk', 'ledger0', '--for', '30m', '--reason', 'a test of alerts');
  if (exitCode !== 0) throw new Error(stderr);
}

/** As by a compose file of somebody who thought that nobody needs the host's processes: it sees only those of another container. */
async function blindfold(platform: Platform): Promise<void> {
  const directory = join(platform.instance.directory, 'log');
  const file = join(directory, 'blindfolded-pg-guard.yml');
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, 'services: { pg-guard: { pid: "service:etcd" } }\n');
  await platform.instance.compose(['-f', file, 'up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'pg-guard']);
}
