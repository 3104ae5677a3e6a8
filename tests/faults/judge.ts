import { CAUGHT_UP } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { checkEvents, checkReports, type SeenEvent } from './check-followers.ts';
import { checkHistory, type Violation } from './check-history.ts';
import { checkLedger } from './check-ledger.ts';
import type { History } from './history.ts';
import type { Contents } from './ledger-contents.ts';
import type { People } from './people.ts';
import { readEvents, readLedger, readReports, unpublished } from './read-ledger.ts';

/** Holds everything that clients were told against the ledger, the reports and Kafka, once all are at rest. `run` begins the keys of all their requests. */
export async function judge(platform: Platform, { history, people, run }: { history: History; people: People; run: string }): Promise<{ contents: Contents; violations: Violation[] }> {
  const violations: Violation[] = [];
  await expectWithin(violations, 'the outbox to be empty', () => within(CAUGHT_UP, 'every event published', async () => ((await unpublished(platform)) === 0 ? true : undefined)));
  const contents = await readLedger(platform, run, people.customers);
  violations.push(...checkHistory(history, contents), ...checkLedger(contents));
  let differing: Violation[] = [];
  await within(CAUGHT_UP, 'the reports to show what the ledger holds', async () => {
    differing = checkReports(contents, await readReports(people.customers));
    return differing.length === 0 ? true : undefined;
  }).catch((cause: unknown) => { violations.push(...(differing.length > 0 ? differing : [{ rule: 'not_healed' as const, about: 'reporting', detail: (cause as Error).message }])); });
  let events: SeenEvent[] = [];
  await expectWithin(violations, 'all events in Kafka', async () => { events = await readEvents(platform, CAUGHT_UP); });
  violations.push(...checkEvents(contents, events));
  return { contents, violations };
}

/** What does not come within its budget is a violation like any other; the run goes on to what it can still find. */
export async function expectWithin(violations: Violation[], what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (cause) {
    violations.push({ rule: 'not_healed', about: what, detail: (cause as Error).message });
    return false;
  }
}
