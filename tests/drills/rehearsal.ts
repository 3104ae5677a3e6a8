import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { PROJECT } from '../../platform/cli/versions.ts';
import { pageNamed } from '../../runbooks/runner/pages.ts';
import { runPage, type PageRun } from '../../runbooks/runner/run-page.ts';
import { stillUnknown, type Violation } from '../faults/check-history.ts';
import { Clients } from '../faults/clients.ts';
import { History, type Invocation } from '../faults/history.ts';
import { expectWithin, judge } from '../faults/judge.ts';
import { gather, type People } from '../faults/people.ts';
import { readLedger, shardOfOwner } from '../faults/read-ledger.ts';
import { HEALED_AT_WORK, MONEY_MOVES } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { Damage } from './damage.ts';
import type { Drill, Restored, Scene } from './drill.ts';
import { longestStandstill } from './timeline.ts';
import { takeOutUndone, type Undoing } from './undone.ts';

/** Acknowledgements that there must be before the disaster: what is not there cannot be lost. */
const WRITES_BEFORE = 60;

export interface Outcome {
  readonly page: string;
  /** What was wrong, a sentence each. */
  readonly faults: readonly string[];
  readonly seconds: number;
  /** From the disaster to the end of the page. */
  readonly backAfter_s: number;
  readonly noWriteFor_s: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** Of what was lost by design, as a restore to an earlier point does; undefined: nothing may be. */
  readonly rpo_s?: number;
}

/** Clients at work on one platform, and drill after drill that strikes them. All that they are told from the first drill on has to stand after the last. */
export class Rehearsal {
  private readonly platform: Platform;
  private readonly say: (line: string) => void;
  private readonly history = new History();
  /** In every key and reference. */
  private readonly name = `drills-${randomBytes(5).toString('hex')}`;
  private people: People | undefined;
  private shardOfSubject: ReadonlyMap<string, number> = new Map();

  constructor(platform: Platform, say: (line: string) => void) {
    this.platform = platform;
    this.say = say;
  }

  async drill(drill: Drill): Promise<Outcome> {
    const { page } = drill;
    const began = performance.now();
    await this.platform.healthy(HEALED_AT_WORK);
    const people = (this.people ??= await this.gathered());
    const scene: Scene = { platform: this.platform, damage: new Damage(this.platform), say: this.say, acknowledged: () => this.acknowledgedSince(0) };
    const clients = new Clients({ history: this.history, people, seed: 1, run: `${this.name}/${drill.page}` });
    const violations: Violation[] = [];
    const askedBefore = this.history.invocations.length;
    let struckMs: number;
    let backMs: number;
    let restored: Restored | undefined;
    clients.start();
    try {
      await within(MONEY_MOVES, 'enough writes to lose', async () => (this.acknowledgedSince(askedBefore) >= WRITES_BEFORE ? true : undefined));
      await drill.remember?.(scene);
      struckMs = performance.now();
      const variables = { ...drill.variables, ...(await drill.disaster(scene)) };
      this.say(`${drill.page}: it is broken${Object.entries(variables).map(([name, value]) => `, ${name}=${value}`).join('')}`);
      const followed = await this.follow(drill, variables);
      violations.push(...complaintsOf(followed));
      backMs = performance.now();
      restored = await drill.restoresTo?.(scene, followed);
      const askedThen = this.history.invocations.length;
      await expectWithin(violations, 'money to move on every shard after the page', () => within(MONEY_MOVES, 'an acknowledgement on each shard', async () => (this.shardsSince(askedThen) === 2 ? true : undefined)));
      if (performance.now() - struckMs > drill.budgetMs) violations.push(tooLate(drill, performance.now() - struckMs));
    } catch (error) {
      // Told here, as tidying up after it may fail in its turn.
      this.say(`${page}: ${(error as Error).message}`);
      throw error;
    } finally {
      await clients.stop();
      await drill.tidy?.(scene);
    }
    await expectWithin(violations, 'every container healthy after the page', () => this.platform.healthy(HEALED_AT_WORK));
    await clients.resolve();
    violations.push(...stillUnknown(this.history.invocations, clients.insistedKeys));
    const acknowledged = this.acknowledgedSince(askedBefore);
    const undone = restored ? await this.takeOutUndone(violations, people, { momentMs: monotonic(restored.moment_ms), placedMs: monotonic(restored.placed_ms), isChosen: restored.isChosen }) : [];
    const judged = await judge(this.platform, { history: this.history, people, run: this.name });
    const unequal = (await drill.alsoEqual?.(scene, undone)) ?? [];
    violations.push(...judged.violations.filter(({ rule }) => !(drill.emptiesKafka && rule === 'event_missing')), ...unequal.map((detail) => ({ rule: 'not_healed' as const, about: page, detail })));
    const rpoMs = restored && !restored.isChosen ? restored.placed_ms - restored.moment_ms : undefined;
    if (rpoMs !== undefined && rpoMs > (drill.rpoMaxMs ?? 0)) violations.push({ rule: 'not_healed', about: page, detail: `what is there ends ${rpoMs / 1_000} s before the disaster` });
    this.keep(page, violations, judged.contents);
    return {
      page,
      faults: violations.map(({ rule, about, detail }) => `${rule}: ${about}: ${detail}`),
      seconds: Math.round((performance.now() - began) / 1_000),
      backAfter_s: Math.round((backMs - struckMs) / 100) / 10,
      noWriteFor_s: longestStandstill(this.history.invocations, (person) => this.shardOfSubject.get(person), struckMs, backMs),
      acknowledged,
      lost: violations.filter(({ rule }) => rule === 'acknowledged_is_lost').length,
      ...(rpoMs !== undefined && { rpo_s: Math.round(rpoMs / 100) / 10 }),
    };
  }

  private async gathered(): Promise<People> {
    const people = await gather(this.platform, this.history, this.name, (owner) => shardOfOwner(this.platform, owner));
    this.shardOfSubject = new Map(await Promise.all(people.customers.map(async ({ subject }): Promise<[string, number]> => [subject, await shardOfOwner(this.platform, subject)])));
    return people;
  }

  /** As an operator would: by the runner, on the page as it is. */
  private follow(drill: Drill, variables: Readonly<Record<string, string>>): Promise<PageRun> {
    return runPage(pageNamed(`procedures/${drill.page}`), {
      instance: this.platform.instance.name,
      variables,
      watch: { after: ({ section, line, seconds, differences }) => this.say(`${drill.page}: ${section}, line ${line}: ${differences.length === 0 ? 'as expected' : 'NOT as expected'} (${seconds} s)`) },
    });
  }

  private async takeOutUndone(violations: Violation[], people: People, undoing: Undoing): Promise<readonly Invocation[]> {
    const taken = takeOutUndone(this.history, await readLedger(this.platform, this.name, people.customers), undoing);
    violations.push(...taken.violations);
    return taken.undone;
  }

  private acknowledgedSince(from: number): number {
    return this.history.invocations.slice(from).filter(({ verdict }) => verdict === 'acknowledged').length;
  }

  private shardsSince(from: number): number {
    const shards = new Set(this.history.invocations.slice(from).filter(({ verdict }) => verdict === 'acknowledged').map(({ person }) => this.shardOfSubject.get(person)));
    shards.delete(undefined);
    return shards.size;
  }

  private keep(page: string, violations: readonly Violation[], contents: unknown): void {
    const directory = join(PROJECT, '.holdfast', 'test-reports', 'drills', page);
    mkdirSync(directory, { recursive: true });
    const write = (file: string, value: unknown): void => writeFileSync(join(directory, file), JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one), 1));
    write('history.json', { invocations: this.history.invocations, readings: this.history.readings });
    write('ledger.json', contents);
    write('violations.json', violations);
  }
}

function complaintsOf(run: PageRun): Violation[] {
  const last = run.steps.at(-1);
  if (run.verdict === 'as expected') return [];
  return [{ rule: 'not_healed', about: run.page, detail: `the page stopped at ${last?.file}:${last?.line} (${last?.section}): ${last?.differences.join('; ')}. It said:\n${last?.output.trimEnd().slice(-3_000)}` }];
}

function tooLate(drill: Drill, tookMs: number): Violation {
  return { rule: 'not_healed', about: drill.page, detail: `it took ${Math.round(tookMs / 1_000)} s, its budget is ${drill.budgetMs / 1_000} s` };
}

/** A moment of the wall's clock (ms since 1970) on that of the history. */
function monotonic(at_ms: number): number {
  return performance.now() - (Date.now() - at_ms);
}
