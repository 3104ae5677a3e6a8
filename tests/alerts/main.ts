import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { components } from '../../platform/components.ts';
import { docker } from '../../platform/cli/run.ts';
import { firingAlerts, type Alert } from '../../platform/cli/monitoring.ts';
import { writeReceivers, writeReceiverSecret } from '../../platform/cli/state/receivers.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { waitUntilHealthy } from '../../platform/cli/containers.ts';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { pageNamed } from '../../runbooks/runner/pages.ts';
import { runPage } from '../../runbooks/runner/run-page.ts';
import { record } from '../kit/evidence.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { FIRED } from './evidence.ts';
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';
import { scaledRules } from './scaled-rules.ts';

/**
 * Makes alerts fire by real faults on a running platform, and sees each told to somebody, mended by its own page, and cleared.
 *   node tests/alerts/main.ts --instance NAME [--full] [--only ALERT]… [--no-record]
 */
const { values: options } = parseArgs({ options: { instance: { type: 'string', default: 'holdfast-test' }, full: { type: 'boolean', default: false }, only: { type: 'string', multiple: true }, 'no-record': { type: 'boolean', default: false } } });
process.env.HOLDFAST_INSTANCE = options.instance;

/** Rules wait up to two minutes, and a scrape, an evaluation and a group of alerts come on top. */
const FIRES_MS = 300_000;
const DELIVERED_MS = 60_000;
const CLEARED_MS = 180_000;

const RECEIVER = { name: 'alert-test', kind: 'webhook', hears: 'all' } as const;

interface Delivery {
  at: string;
  payload: { alerts: { status: string; labels: Record<string, string>; startsAt: string }[] };
}

const platform = await Platform.attach();
const chosen = faults.filter(({ alert, always }) => options.only?.includes(alert) ?? (options.full || always));
if (chosen.length === 0) throw new Error(`no fault for ${options.only?.join(', ')}: see tests/alerts/faults.ts`);
const reports = join(PROJECT, '.holdfast', 'test-reports', 'alerts');
mkdirSync(reports, { recursive: true });
const heard = join(reports, 'heard.jsonl');
writeFileSync(heard, '');

const receiver = await startReceiver();
let failed = 0;
// Whoever ends it early finds his platform as it was, but for the fault that is being played.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void tidy().finally(() => process.exit(130)));
try {
  await tellReceiver(receiver.url);
  await useRules(chosen);
  for (const fault of chosen) {
    try {
      await prove(fault);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${fault.alert}: ${(error as Error).message}`);
      await fault.undo?.(platform).catch(() => undefined);
    }
  }
} finally {
  await tidy();
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function tidy(): Promise<void> {
  await useRules([]).catch(() => undefined);
  await forgetReceiver().catch(() => undefined);
  receiver.process.kill('SIGTERM');
  platform.close();
}

/** The fault, the alert, its delivery, its page, its end; each with the seconds since the one that it follows. */
async function prove(fault: Fault): Promise<void> {
  const isIt = ({ name, labels }: { name: string; labels: Readonly<Record<string, string>> }): boolean => name === fault.alert && Object.entries(fault.labels).every(([label, value]) => labels[label] === value);
  await within(CLEARED_MS, `${fault.alert} to be silent before its fault`, async () => ((await firingAlerts(platform.instance)).some(isIt) ? undefined : true));
  const began = Date.now();
  await fault.make(platform);
  const alert = await within(FIRES_MS, `${fault.alert} to fire`, async () => (await firingAlerts(platform.instance)).find(isIt));
  const fired = seconds(began);
  const delivered = await within(DELIVERED_MS, `${fault.alert} to be delivered`, () => Promise.resolve(deliveryOf(fault, 'firing', began)));
  const told = Math.round((Date.parse(delivered.at) - began) / 1000);
  console.log(`fired   ${fault.alert}: ${fault.what}; after ${fired} s, delivered after ${told} s`);
  const mending = Date.now();
  // Where the page cannot mend what was only played, that ends while the page is followed.
  await fault.undo?.(platform);
  if (fault.scaled?.number) await useRules([]);
  const page = await runPage(pageNamed(fault.alert), { instance: platform.instance.name, variables: variablesOf(fault, alert), watch: { after: (step) => console.log(`        ${step.differences.length === 0 ? 'ok' : 'NOT AS EXPECTED'} ${step.command.split('\n')[0]} (${step.seconds.toFixed(0)} s)`) } });
  if (page.verdict !== 'as expected') throw new Error(`its page stopped: ${page.steps.at(-1)?.differences.join('; ') ?? ''}\n${page.steps.at(-1)?.output.slice(-800) ?? ''}`);
  await within(CLEARED_MS, `${fault.alert} to be told as cleared`, () => Promise.resolve(deliveryOf(fault, 'resolved', mending)));
  const cleared = seconds(mending);
  console.log(`passed  ${fault.alert}: cleared ${cleared} s after its page was opened`);
  const { for: wait, number } = fault.scaled ?? {};
  const scaled = [...(wait ? [`for ${wait}`] : []), ...(number ? [`${number[0]} is ${number[1]}`] : [])].join(', ') || 'no';
  if (!options['no-record']) record(FIRED, { name: fault.alert, seconds: seconds(began), figures: [fault.what, scaled, fired, told, cleared] });
}

/** Variables of a page are called as the labels, in capitals. */
function variablesOf(fault: Fault, alert: Alert): Record<string, string> {
  const needed = new Set(pageNamed(fault.alert).text.match(/\$[A-Z][A-Z0-9_]*/g)?.map((name) => name.slice(1)));
  return Object.fromEntries(Object.entries(alert.labels).map(([label, value]) => [label.toUpperCase(), value] as const).filter(([name]) => needed.has(name)));
}

function deliveryOf(fault: Fault, status: string, since: number): Delivery | undefined {
  const all = readFileSync(heard, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Delivery);
  return all.find(({ at, payload }) => Date.parse(at) >= since && payload.alerts.some((alert) => alert.status === status && alert.labels.alertname === fault.alert && Object.entries(fault.labels).every(([label, value]) => alert.labels[label] === value)));
}

/** Alertmanager is in a network of Docker: this machine has the address of its gateway there. */
async function startReceiver(): Promise<{ process: ChildProcess; url: string }> {
  const address = (await docker('network', 'inspect', `${platform.instance.name}_public`, '-f', '{{ (index .IPAM.Config 0).Gateway }}')).trim();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'receiver.ts'), address, heard], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the receiver ended with ${code}`)));
  });
  return { process: child, url };
}

async function tellReceiver(url: string): Promise<void> {
  const { instance } = platform;
  await writeReceiverSecret(instance, RECEIVER, url);
  instance.settings.receivers = [...(instance.settings.receivers ?? []).filter(({ name }) => name !== RECEIVER.name), RECEIVER];
  await restartAlertmanager();
}

async function forgetReceiver(): Promise<void> {
  const { instance } = platform;
  instance.settings.receivers = (instance.settings.receivers ?? []).filter(({ name }) => name !== RECEIVER.name);
  await restartAlertmanager();
}

async function restartAlertmanager(): Promise<void> {
  await platform.instance.save();
  await writeReceivers(platform.instance);
  await platform.instance.compose(['restart', '--timeout', '5', 'alertmanager']);
  await waitUntilHealthy(platform.instance, ['alertmanager'], 120, () => undefined);
}

/** Prometheus reads rules of the installation's own from its secrets directory, and again at SIGHUP. */
async function useRules(scaled: readonly Fault[]): Promise<void> {
  const directory = join(platform.instance.directory, 'secrets', 'prometheus', 'rules');
  const { uid } = components.prometheus;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'scaled.yml');
  if (scaled.some((fault) => fault.scaled !== undefined)) {
    writeFileSync(file, scaledRules(alertingRules(), scaled), { mode: 0o400 });
    chownSync(file, uid, uid);
  } else rmSync(file, { force: true });
  chownSync(directory, uid, uid);
  await platform.signal(await platform.container('prometheus'), 'SIGHUP');
}

function seconds(since: number): number {
  return Math.round((Date.now() - since) / 1000);
}
