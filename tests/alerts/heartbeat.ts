import { pageNamed } from '../../runbooks/runner/pages.ts';
import { runPage } from '../../runbooks/runner/run-page.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import type { Outcome } from './batch.ts';
import type { Fault } from './fault.ts';
import { Receiving } from './receiving.ts';

/** It is told every minute; a minute is lost where Alertmanager has just been started. */
const HEARD_MS = 180_000;
/** Two of them have not come. */
const SILENT_MS = 150_000;

/**
 * The alert that always fires (severity `none`), on its way to a machine that listens for its silence. Heard, broken, missed by its listener, mended by its page, and
 * heard again: `fired` and `told` are both when the listener knew.
 */
export async function missHeartbeat(platform: Platform, fault: Fault, reports: string, say: (line: string) => void): Promise<Outcome> {
  const listener = await Receiving.begin(platform.instance.name, 'heartbeat', reports);
  const heardSince = (since: number): Promise<number> => within(HEARD_MS, `${fault.alert} to be heard`, () => Promise.resolve(listener.toldOf(fault, 'firing', since)));
  let began = Date.now();
  try {
    await heardSince(began);
    began = Date.now();
    await fault.make?.(platform);
    const quiet = (): boolean => Date.now() - Math.max(began, listener.lastToldOf(fault, 'firing') ?? 0) > SILENT_MS;
    await within(HEARD_MS + SILENT_MS, `${fault.alert} to be missed`, () => Promise.resolve(quiet() ? true : undefined));
    const missed = secondsBetween(began, Date.now());
    say(`missed  ${fault.alert}: ${fault.what}; after ${missed} s`);
    const opened = Date.now();
    const page = await runPage(pageNamed(fault.alert), { instance: platform.instance.name, variables: {} });
    if (page.verdict !== 'as expected') throw new Error(`its page stopped: ${page.steps.at(-1)?.differences.join('; ') ?? ''}`);
    const again = await heardSince(opened);
    return { fault, verdict: 'passed', why: '', fired: missed, told: missed, cleared: secondsBetween(opened, again), whole: secondsBetween(began, again) };
  } catch (error) {
    say(`FAILED  ${fault.alert}: ${(error as Error).message}`);
    await platform.command('up');
    return { fault, verdict: 'failed', why: (error as Error).message, fired: 0, told: 0, cleared: 0, whole: 0 };
  } finally {
    await listener.end();
  }
}

function secondsBetween(from: number, to: number): number {
  return Math.round((to - from) / 1_000);
}
