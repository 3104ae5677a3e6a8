import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from './errors.ts';
import type { Instance } from './instance.ts';
import { askAlertmanager } from './monitoring.ts';

/** An alert waits 10 s for others of its group; a receiver may take a few seconds. */
const BUDGET_MS = 45_000;

/** Hands a trial page and a trial ticket to Alertmanager, and waits until every kind of receiver has taken what it should hear. */
export async function tryReceivers(instance: Instance): Promise<void> {
  const receivers = (instance.settings.receivers ?? []).filter(({ hears }) => hears !== 'heartbeat');
  if (receivers.length === 0) throw new UserError('nobody is told of anything.', ['Somebody:  ./holdfast alerts send-to webhook --secret-file FILE']);
  const before = await delivered(instance);
  const endsAt = new Date(Date.now() + 60_000).toISOString();
  await askAlertmanager(instance, 'POST', '/api/v2/alerts', ['page', 'ticket'].map((severity) => ({
    labels: { alertname: 'Trial', severity, trial: new Date().toISOString() }, endsAt,
    annotations: { summary: `A trial ${severity}: somebody wanted to know whether it arrives.`, hits: 'Nobody. Nothing is to be done.' },
  })));
  const deadline = Date.now() + BUDGET_MS;
  for (;;) {
    const now = await delivered(instance);
    const waiting = [...Map.groupBy(receivers, ({ kind }) => kind)].filter(([kind, list]) => (now.get(kind)?.good ?? 0) - (before.get(kind)?.good ?? 0) < list.length).map(([kind]) => kind);
    if (waiting.length === 0) break;
    if (Date.now() > deadline) throw new UserError(`not taken within ${BUDGET_MS / 1000} s: ${waiting.join(', ')}.`, ['What they answered:  ./holdfast logs alertmanager -n 20']);
    await pause(1000);
  }
  console.log(`A trial was handed to every receiver: ${receivers.map(({ name }) => name).join(', ')}.`);
}

/** Notifications by kind of receiver, from Alertmanager's own count. */
async function delivered(instance: Instance): Promise<Map<string, { good: number }>> {
  const { stdout } = await instance.tryCompose(['exec', '-T', 'alertmanager', 'curl', '-sS', '--max-time', '10', '--cacert', '/run/holdfast/ca.crt', '--cert', '/run/holdfast/tls.crt', '--key', '/run/holdfast/tls.key',
    '--connect-to', 'alertmanager:9093:127.0.0.1:9093', 'https://alertmanager:9093/metrics']);
  const counts = new Map<string, { good: number }>();
  for (const [, kind = '', value = '0'] of stdout.matchAll(/^alertmanager_notifications_total\{.*?integration="(\w+)".*?\} (\S+)$/gm)) counts.set(kind, { good: (counts.get(kind)?.good ?? 0) + Number(value) });
  for (const [, kind = '', value = '0'] of stdout.matchAll(/^alertmanager_notifications_failed_total\{.*?integration="(\w+)".*?\} (\S+)$/gm)) counts.set(kind, { good: (counts.get(kind)?.good ?? 0) - Number(value) });
  return counts;
}
