import { chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { components } from '../../platform/components.ts';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { askPrometheus } from './prometheus-api.ts';
import type { Fault } from './fault.ts';
import { SCALED, scaledRules } from './scaled-rules.ts';

/** A reload takes a moment, and so does the evaluation after it: every 15 s. */
const EVALUATED_MS = 60_000;

interface RuleInUse {
  readonly name: string;
  readonly lastEvaluation: string;
  readonly alerts: readonly { readonly labels: Readonly<Record<string, string>>; readonly state: 'pending' | 'firing' }[];
}

/** Puts the rules of faults, scaled, beside the real ones, in the directory for an installation's own; returns when each of them was evaluated. */
export async function useRules(platform: Platform, faults: readonly Fault[], asTheyAre: ReadonlySet<Fault> = new Set()): Promise<void> {
  const directory = join(platform.instance.directory, 'secrets', 'prometheus', 'rules');
  const { uid } = components.prometheus;
  const file = join(directory, 'scaled.yml');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chownSync(directory, uid, uid);
  const areScaled = faults.some((fault) => fault.scaled !== undefined);
  if (areScaled) {
    writeFileSync(`${file}.new`, scaledRules(alertingRules(), faults, asTheyAre), { mode: 0o400 });
    chownSync(`${file}.new`, uid, uid);
    renameSync(`${file}.new`, file);
  } else rmSync(file, { force: true });
  const asked = Date.now();
  await platform.signal(await platform.container('prometheus'), 'SIGHUP');
  await within(EVALUATED_MS, 'Prometheus to take the rules', async () => {
    const { lastConfigTime, reloadConfigSuccess } = await askPrometheus<{ lastConfigTime: string; reloadConfigSuccess: boolean }>(platform, '/api/v1/status/runtimeinfo');
    // It tells whole seconds.
    return reloadConfigSuccess && Date.parse(lastConfigTime) > asked - 1000 ? true : undefined;
  });
  if (areScaled) await within(EVALUATED_MS, 'the scaled rules to be evaluated', async () => ((await rulesOf(platform, SCALED)).every(({ lastEvaluation }) => Date.parse(lastEvaluation) > asked) ? true : undefined));
}

/** Whether an alert fires, or is about to: by the rule that the test goes by. That the real one has begun to wait, for an hour or a day, says nothing about one that is scaled. */
export async function isPendingOrFiring(platform: Platform, { alert, labels, scaled, make }: Pick<Fault, 'alert' | 'labels' | 'scaled' | 'make'>): Promise<boolean> {
  const isIt = (one: RuleInUse['alerts'][number]): boolean => Object.entries(labels).every(([label, value]) => one.labels[label] === value);
  const [all, scaledOnes] = await Promise.all([rulesOf(platform), rulesOf(platform, SCALED)]);
  const waits = make && scaled?.for ? scaledOnes : all;
  return [...waits, ...all.map((rule) => ({ ...rule, alerts: rule.alerts.filter(({ state }) => state === 'firing') }))].some(({ name, alerts }) => name === alert && alerts.some(isIt));
}

async function rulesOf(platform: Platform, group?: string): Promise<RuleInUse[]> {
  const { groups } = await askPrometheus<{ groups: { name: string; rules: RuleInUse[] }[] }>(platform, '/api/v1/rules?type=alert');
  return groups.filter(({ name }) => group === undefined || name === group).flatMap(({ rules }) => rules);
}
