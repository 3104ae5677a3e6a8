import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { components } from '../../../platform/components.ts';
import { ownedFile } from '../../../platform/cli/state/secrets.ts';
import { SCRAPED, TOLD_ANEW } from '../../kit/budgets.ts';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { frozen, thawed, type Fault } from '../fault.ts';

export const prometheusFaults: readonly Fault[] = [
  { alert: 'AlertmanagerAway', what: 'Alertmanager is frozen until Prometheus has noticed', labels: {}, touches: ['alertmanager'], make: freezeAlertmanager, scaled: { for: '15s' }, alone: true },
  {
    alert: 'RulesFail', what: 'a rule is added that joins many with many', labels: {}, touches: ['rules'],
    make: (platform) => addRule(platform, 'up * on () up'), undo: removeRule, scaled: { for: '15s', range: ['10m', '1m'] },
  },
  {
    // The greatest of an hour of tenths of a second, for each eighth of a second of an hour.
    alert: 'RulesSlow', what: 'a rule is added that computes for a long time', labels: { rule_group: 'added_for_a_test' }, touches: ['rules'],
    make: (platform) => addRule(platform, 'max_over_time(max_over_time(vector(1)[1h:100ms])[1h:125ms])'), undo: removeRule, scaled: { for: '15s' },
  },
  { alert: 'TooManySeries', what: 'nothing is broken: a thousand series count as too many', labels: {}, scaled: { for: '15s', number: ['120000', '1000'] } },
  { alert: 'ScrapesLate', what: 'redis-exporter is frozen: every scrape of it takes all the time it may', labels: { component: 'redis-exporter' }, make: frozen('redis-exporter'), undo: thawed('redis-exporter'), scaled: { for: '15s' } },
  { alert: 'MeasurementsNotStored', what: 'a block of measurements is damaged', labels: {}, touches: ['prometheus'], make: damageBlock, undo: removeBlock },
];

/** It cannot tell anybody of itself: that it was away is told when it is back. */
async function freezeAlertmanager(platform: Platform): Promise<void> {
  const failed = async (): Promise<number> => (await platform.prometheus('sum(prometheus_notifications_errors_total)'))[0]?.value ?? 0;
  const before = await failed();
  await frozen('alertmanager')(platform);
  try {
    await within(TOLD_ANEW + SCRAPED, 'Prometheus to fail at telling Alertmanager', async () => ((await failed()) > before ? true : undefined));
  } finally {
    await thawed('alertmanager')(platform);
  }
}

const ruleFile = ({ instance }: Platform): string => join(instance.directory, 'secrets', 'prometheus', 'rules', 'added.yml');

async function addRule(platform: Platform, expr: string): Promise<void> {
  mkdirSync(join(ruleFile(platform), '..'), { recursive: true, mode: 0o700 });
  await ownedFile(ruleFile(platform), stringify({ groups: [{ name: 'added_for_a_test', rules: [{ record: 'test:added', expr }] }] }), components.prometheus.uid);
  await platform.signal(await platform.container('prometheus'), 'SIGHUP');
}

async function removeRule(platform: Platform): Promise<void> {
  rmSync(ruleFile(platform), { force: true });
  await platform.signal(await platform.container('prometheus'), 'SIGHUP');
}

/** A directory called as blocks are, whose description cannot be read: each attempt to put blocks together fails at it. */
const BLOCK = '/data/01ARZ3NDEKTSV4RRFFQ69G5FAV';

async function damageBlock(platform: Platform): Promise<void> {
  await platform.inside('prometheus', 'sh', '-c', `mkdir -p ${BLOCK}/chunks && : > ${BLOCK}/index && echo damaged > ${BLOCK}/meta.json`);
}

async function removeBlock(platform: Platform): Promise<void> {
  await platform.inside('prometheus', 'rm', '-rf', BLOCK);
}
