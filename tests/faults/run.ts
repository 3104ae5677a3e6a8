import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { PROJECT } from '../../platform/cli/versions.ts';
import { HEALED_AT_WORK } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { stillUnknown, type Violation } from './check-history.ts';
import { Clients } from './clients.ts';
import { Faults } from './faults.ts';
import { History } from './history.ts';
import { expectWithin, judge } from './judge.ts';
import type { Contents } from './ledger-contents.ts';
import { gather, type People } from './people.ts';
import { shardOfOwner } from './read-ledger.ts';
import { described, scheduleOf, type Strike } from './schedule.ts';

export interface Outcome {
  readonly operations: number;
  readonly unknown: number;
  readonly violations: readonly Violation[];
  readonly seconds: number;
  /** Where the history and the ledger's contents lie, for whoever wants to know more. */
  readonly directory: string;
}

/** One seed: clients at work while its faults strike, and then the question whether the ledger is right. */
export class FaultRun {
  private readonly platform: Platform;
  private readonly faults: Faults;
  private readonly seed: number;
  private readonly strikes: readonly Strike[];
  private readonly say: (line: string) => void;
  private readonly history = new History();
  private readonly violations: Violation[] = [];
  /** In every key and reference of this run. */
  private readonly name = `faults-${randomBytes(5).toString('hex')}`;
  private shardOfSubject: ReadonlyMap<string, number> = new Map();

  constructor(options: { platform: Platform; image: string; seed: number; faults: number; say: (line: string) => void }) {
    this.platform = options.platform;
    this.faults = new Faults(options.platform, options.image);
    this.seed = options.seed;
    this.strikes = scheduleOf(options.seed, options.faults);
    this.say = options.say;
  }

  async run(): Promise<Outcome> {
    const began = performance.now();
    await this.faults.undoAll();
    await this.platform.healthy(HEALED_AT_WORK);
    const people = await gather(this.platform, this.history, this.name, (owner) => shardOfOwner(this.platform, owner));
    this.shardOfSubject = new Map(await Promise.all(people.customers.map(async ({ subject }): Promise<[string, number]> => [subject, await shardOfOwner(this.platform, subject)])));
    const clients = new Clients({ history: this.history, people, seed: this.seed, run: this.name });
    clients.start();
    try {
      for (const strike of this.strikes) if (!(await this.survives(strike))) break;
    } finally {
      await clients.stop();
    }
    await this.expect('every container healthy after the last fault', () => this.platform.healthy(HEALED_AT_WORK));
    await clients.resolve();
    this.violations.push(...stillUnknown(this.history.invocations, clients.insistedKeys));
    const contents = await this.check(people);
    return {
      operations: new Set(this.history.invocations.map(({ key }) => key)).size,
      unknown: this.history.invocations.filter(({ verdict }) => verdict === 'unknown').length,
      violations: this.violations,
      seconds: Math.round((performance.now() - began) / 1_000),
      directory: this.keep(contents),
    };
  }

  /** For whoever must stop at once: nothing stays stopped, cut off or full. */
  undo(): Promise<void> {
    return this.faults.undoAll();
  }

  /** Strikes, and waits until money moves on every shard again and every container is healthy: the next strike meets a whole platform. */
  private async survives(strike: Strike): Promise<boolean> {
    await pause(strike.calmMs);
    const names = strike.faults.map((fault) => `${fault.number} ${described(fault)}`).join(', and ');
    const askedBefore = this.history.invocations.length;
    // All are undone before a failure of one of them ends the run.
    const struck = await Promise.allSettled(strike.faults.map((fault) => this.faults.strike(fault)));
    const hit = struck.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
    const undoneMs = performance.now();
    const moves = await this.expect(`money to move on every shard after ${names}`, () => within(HEALED_AT_WORK, 'an acknowledgement of a request made after the fault', async () => {
      const shards = new Set(this.history.invocations.slice(askedBefore).filter(({ verdict, startMs }) => verdict === 'acknowledged' && startMs > undoneMs).map(({ person }) => this.shardOfSubject.get(person)));
      shards.delete(undefined);
      return shards.size === 2 ? true : undefined;
    }));
    const movingMs = performance.now();
    const healed = moves && await this.expect(`every container healthy after ${names}`, () => this.platform.healthy(HEALED_AT_WORK));
    const asked = this.history.invocations.slice(askedBefore);
    const count = (verdict: string): number => asked.filter((one) => one.verdict === verdict).length;
    this.say(`fault ${names} (${hit.join('; ')}): ${count('acknowledged')} acknowledged, ${count('unknown')} unknown, moving again after ${seconds(movingMs - undoneMs)}, healthy after ${seconds(performance.now() - undoneMs)}`);
    return healed;
  }

  private async check(people: People): Promise<Contents> {
    const { contents, violations } = await judge(this.platform, { history: this.history, people, run: this.name });
    this.violations.push(...violations);
    return contents;
  }

  private expect(what: string, work: () => Promise<unknown>): Promise<boolean> {
    return expectWithin(this.violations, what, work);
  }

  private keep(contents: Contents): string {
    const directory = join(PROJECT, '.holdfast', 'test-reports', 'faults', `${this.seed}-${this.name}`);
    mkdirSync(directory, { recursive: true });
    const write = (file: string, value: unknown): void => writeFileSync(join(directory, file), JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one), 1));
    write('schedule.json', this.strikes);
    write('history.json', { invocations: this.history.invocations, readings: this.history.readings });
    write('ledger.json', contents);
    write('violations.json', this.violations);
    return directory;
  }
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
