import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../../platform/cli/versions.ts';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { pageNamed } from '../../runbooks/runner/pages.ts';
import { provenIn, record } from '../kit/evidence.ts';
import { Platform } from '../kit/platform.ts';
import { Batch, type Outcome } from './batch.ts';
import { batchesOf, mendsWhateverIsIll } from './batches.ts';
import { FIRED } from './evidence.ts';
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';
import { missHeartbeat } from './heartbeat.ts';
import { notFired } from './not-fired.ts';
import { Receiving } from './receiving.ts';
import { wordsOf } from './scaled-rules.ts';

const USAGE = `node tests/alerts/main.ts [--instance NAME] [--full | --family NAME… | --only ALERT…] [--again] [--minutes N] [--no-record]
  --instance   a running instance (default: holdfast-test); it is broken, and mended by the pages of the alerts
  --full       every fault; without it one of each family or so
  --family     all of a file of faults/
  --again      also those whose row of FIRED.md is true of rule, page and fault as they are
  --minutes    begins no further batch after so many
  --no-record  leaves dashboards/alerts/FIRED.md as it is
Exit status: 0 all passed, 1 one did not, 2 wrong arguments`;

const REPORTS = join(PROJECT, '.holdfast', 'test-reports', 'alerts');

const rules = new Map(alertingRules().map((rule) => [rule.alert, rule]));

interface Options {
  readonly wanted: readonly Fault[];
  readonly again: boolean;
  readonly until: number;
  readonly record: boolean;
}

interface Verdict {
  readonly verdict: 'passed' | 'passed before' | 'failed' | 'not reached';
  readonly why: string;
}

/** Makes alerts fire by real faults on a running platform, and sees each told to somebody, mended by its own page, and cleared. */
async function main(): Promise<number> {
  const options = optionsOf();
  if (!options) {
    console.error(USAGE);
    return 2;
  }
  mkdirSync(REPORTS, { recursive: true });
  const proven = options.again ? new Set<string>() : provenIn(FIRED);
  const verdicts = new Map<string, Verdict>(options.wanted.map(({ alert }) => [alert, { verdict: proven.has(alert) ? 'passed before' : 'not reached', why: '' }]));
  const open = options.wanted.filter(({ alert }) => !proven.has(alert));
  if (open.length > 0) await fireAll(open, options, (alert, verdict) => verdicts.set(alert, verdict));
  return summary(verdicts);
}

async function fireAll(open: readonly Fault[], options: Options, tell: (alert: string, verdict: Verdict) => void): Promise<void> {
  const platform = await Platform.attach();
  const receiving = await Receiving.begin(platform.instance.name, 'all', REPORTS);
  let batch: Batch | undefined;
  const end = async (): Promise<void> => {
    await receiving.end();
    platform.close();
  };
  // Whoever ends it early finds his platform as it was, or is told what it wants.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void (batch?.endEarly() ?? Promise.resolve()).then(end).finally(() => process.exit(130)));
  try {
    const batches = batchesOf(open, pageNamed);
    for (let next = batches.shift(); next && Date.now() < options.until; next = batches.shift()) {
      say(`batch   ${next.map(({ alert }) => alert).join(', ')}; ${batches.length} more`);
      const heartbeat = next.find(isHeartbeat);
      batch = new Batch(platform, receiving, next, say);
      for (const outcome of heartbeat ? [await missHeartbeat(platform, heartbeat, REPORTS, say)] : await batch.play()) {
        if (outcome.verdict === 'postponed') batches.push([outcome.fault]);
        else tell(outcome.fault.alert, { verdict: outcome.verdict, why: outcome.why });
        if (outcome.verdict === 'passed') passed(outcome, options.record);
      }
    }
  } finally {
    await end();
  }
}

function passed({ fault, whole, fired, told, cleared }: Outcome, isRecorded: boolean): void {
  say(`passed  ${fault.alert}: fired after ${fired} s, told after ${told} s, cleared ${cleared} s after its page was opened`);
  if (isRecorded) record(FIRED, { name: fault.alert, seconds: whole, figures: [fault.what, wordsOf(fault.scaled), fired, told, cleared] });
}

function summary(verdicts: ReadonlyMap<string, Verdict>): number {
  writeFileSync(join(REPORTS, 'results.json'), JSON.stringify([...verdicts].map(([name, { verdict, why }]) => ({ name, verdict, why })), null, 1));
  console.log('');
  for (const [alert, { verdict }] of verdicts) console.log(`${verdict.padEnd(14)} ${alert}`);
  const without = [...rules.keys()].filter((alert) => !faults.some((fault) => fault.alert === alert));
  if (without.length > 0) console.log(`\nWithout a fault:\n${without.map((alert) => `  ${alert}: ${notFired[alert] ?? 'nobody has made one'}`).join('\n')}`);
  const count = (...wanted: Verdict['verdict'][]): number => [...verdicts.values()].filter(({ verdict }) => wanted.includes(verdict)).length;
  console.log(`\n${count('passed', 'passed before')} passed, ${count('failed')} failed, ${count('not reached')} not reached`);
  return count('failed', 'not reached') > 0 ? 1 : 0;
}

function optionsOf(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { instance: { type: 'string', default: 'holdfast-test' }, full: { type: 'boolean', default: false }, family: { type: 'string', multiple: true }, only: { type: 'string', multiple: true }, again: { type: 'boolean', default: false }, minutes: { type: 'string', default: '1440' }, 'no-record': { type: 'boolean', default: false } } });
    process.env.HOLDFAST_INSTANCE = values.instance;
    const isWanted = ({ alert, always }: Fault): boolean => {
      if (values.only || values.family) return (values.only?.includes(alert) ?? false) || (values.family?.includes(rules.get(alert)?.component ?? '') ?? false);
      return values.full || always === true;
    };
    // Should the time not be enough: many that can be made together before few that cannot, and of each people's sleep first.
    const cost = (fault: Fault): number => Number(fault.alone ?? mendsWhateverIsIll(pageNamed(fault.alert))) * 2 - Number(isPage(fault));
    const wanted = faults.filter(isWanted).toSorted((a, b) => cost(a) - cost(b));
    const minutes = Number(values.minutes);
    if (wanted.length === 0 || !(minutes > 0)) return undefined;
    return { wanted, again: values.again, until: Date.now() + minutes * 60_000, record: !values['no-record'] };
  } catch {
    return undefined;
  }
}

function isPage({ alert }: Fault): boolean {
  return rules.get(alert)?.labels.severity === 'page';
}

/** What always fires is told to a machine. */
function isHeartbeat({ alert }: Fault): boolean {
  return rules.get(alert)?.labels.severity === 'none';
}

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`);
}

process.exitCode = await main();
