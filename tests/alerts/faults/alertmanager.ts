import { createServer, type Server } from 'node:http';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker } from '../../../platform/cli/run.ts';
import { appendFile } from 'node:fs/promises';
import { Instance } from '../../../platform/cli/instance.ts';
import { writeReceivers } from '../../../platform/cli/state/receivers.ts';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';

export const alertmanagerFaults: readonly Fault[] = [
  { alert: 'AlertsNotDelivered', what: 'a second receiver refuses what it is sent', labels: { integration: 'webhook' }, touches: ['alertmanager'], make: addRefusing, undo: removeRefusing, scaled: { for: '15s' } },
  { alert: 'AlertmanagerConfiguration', what: 'a line that means nothing is added to its configuration', labels: {}, touches: ['alertmanager'], make: spoilConfiguration, undo: mendConfiguration },
];

const REFUSING = 'test-refuses';
let server: Server | undefined;

/** It hears Watchdog, which always fires, and knows nobody. */
async function addRefusing(platform: Platform): Promise<void> {
  const address = (await docker('network', 'inspect', `${platform.instance.name}_public`, '-f', '{{ (index .IPAM.Config 0).Gateway }}')).trim();
  const listening = createServer((request, response) => { request.resume().on('end', () => response.writeHead(403).end()); });
  server = listening;
  await new Promise<void>((resolve) => { listening.listen(0, address, resolve); });
  const bound = listening.address();
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-alert-'));
  try {
    const file = join(directory, 'url');
    writeFileSync(file, `http://${address}:${typeof bound === 'object' ? bound?.port : ''}/`, { mode: 0o600 });
    await must(platform, 'alerts', 'send-to', 'webhook', '--name', REFUSING, '--hears', 'heartbeat', '--secret-file', file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function removeRefusing(platform: Platform): Promise<void> {
  await must(platform, 'alerts', 'forget', REFUSING);
  server?.close();
}

async function must(platform: Platform, ...words: string[]): Promise<void> {
  const { exitCode, stderr } = await platform.command(...words);
  if (exitCode !== 0) throw new Error(`./holdfast ${words.join(' ')} exited ${exitCode}: ${stderr.slice(-300)}`);
}

async function spoilConfiguration(platform: Platform): Promise<void> {
  await appendFile(join(platform.instance.directory, 'secrets', 'alertmanager', 'routing.yml'), 'nonsense: true\n');
  await platform.signal(await platform.container('alertmanager'), 'SIGHUP');
}

async function mendConfiguration(platform: Platform): Promise<void> {
  await writeReceivers(await Instance.open(platform.instance.name));
}
