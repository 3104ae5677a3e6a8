import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitUntilHealthy } from '../../platform/cli/containers.ts';
import { Instance } from '../../platform/cli/instance.ts';
import { docker } from '../../platform/cli/run.ts';
import { forgetReceiver, writeReceivers, writeReceiverSecret } from '../../platform/cli/state/receivers.ts';
import type { Receiver } from '../../platform/alertmanager/routing.ts';

interface Delivery {
  readonly at: string;
  readonly payload: { readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[] };
}

/** An alert by its name, and labels that it must have. */
export interface Told {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Somebody who is told of alerts: a process of its own, as one receiver of the instance, for as long as the test runs. */
export class Receiving {
  private readonly instance: string;
  private readonly receiver: Receiver;
  private readonly child: ChildProcess;
  private readonly heard: string;

  private constructor(instance: string, receiver: Receiver, child: ChildProcess, heard: string) {
    this.instance = instance;
    this.receiver = receiver;
    this.child = child;
    this.heard = heard;
  }

  /** Alertmanager is in a network of Docker: this machine has the address of its gateway there. */
  static async begin(instance: string, hears: Receiver['hears'], directory: string): Promise<Receiving> {
    // Of an alert that an earlier receiver of this name never heard the end of, Alertmanager would not tell it again for hours.
    const receiver = { name: `test-hears-${hears}-${randomBytes(3).toString('hex')}`, kind: 'webhook', hears } as const;
    const heard = join(directory, `test-hears-${hears}.jsonl`);
    writeFileSync(heard, '');
    const address = (await docker('network', 'inspect', `${instance}_public`, '-f', '{{ (index .IPAM.Config 0).Gateway }}')).trim();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'receiver.ts'), address, heard], { stdio: ['ignore', 'pipe', 'inherit'] });
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the receiver ended with ${code}`)));
    });
    const receiving = new Receiving(instance, receiver, child, heard);
    await receiving.change(async (opened) => {
      await writeReceiverSecret(opened, receiver, url);
      return [receiver];
    });
    return receiving;
  }

  /** When it was first told, at or after a moment, that the alert fires or has ended: milliseconds since 1970. */
  toldOf(told: Told, status: 'firing' | 'resolved', since: number): number | undefined {
    return this.allOf(told, status).find((at) => at >= since);
  }

  /** When it was last told. */
  lastToldOf(told: Told, status: 'firing' | 'resolved'): number | undefined {
    return this.allOf(told, status).at(-1);
  }

  private allOf({ alert, labels }: Told, status: string): number[] {
    const deliveries = readFileSync(this.heard, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Delivery);
    const isIt = (one: Delivery['payload']['alerts'][number]): boolean => one.status === status && one.labels.alertname === alert && Object.entries(labels).every(([label, value]) => one.labels[label] === value);
    return deliveries.filter(({ payload }) => payload.alerts.some(isIt)).map(({ at }) => Date.parse(at));
  }

  async end(): Promise<void> {
    await this.change(async (opened) => {
      await forgetReceiver(opened, this.receiver.name);
      return [];
    });
    this.child.kill('SIGTERM');
  }

  /** Settings as they are now: pages that were followed meanwhile may have changed others of them. */
  private async change(work: (instance: Instance) => Promise<Receiver[]>): Promise<void> {
    const opened = await Instance.open(this.instance);
    const added = await work(opened);
    opened.settings.receivers = [...(opened.settings.receivers ?? []).filter(({ name }) => name !== this.receiver.name), ...added];
    await opened.save();
    await writeReceivers(opened);
    await opened.compose(['restart', '--timeout', '5', 'alertmanager']);
    await waitUntilHealthy(opened, ['alertmanager'], 120, () => undefined);
  }
}
