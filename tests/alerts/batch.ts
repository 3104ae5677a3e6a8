import { firingAlerts } from '../../platform/cli/monitoring.ts';
import { pageNamed } from '../../runbooks/runner/pages.ts';
import { runPage } from '../../runbooks/runner/run-page.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { mendsWhateverIsIll } from './batches.ts';
import type { Fault } from './fault.ts';
import { alertsOf, type FiringAlert } from './prometheus-api.ts';
import type { Receiving } from './receiving.ts';
import { isPendingOrFiring, useRules } from './rules-in-use.ts';

/** Rules wait up to two minutes, and a scrape, an evaluation and a group of alerts come on top. */
const FIRES_MS = 300_000;
/** A group of alerts waits 10 s, or a minute if it was told of a short time ago. */
const DELIVERED_MS = 90_000;
const CLEARED_MS = 180_000;
/** After a fault whose page did not mend it. */
const WHOLE_AGAIN_MS = 240_000;

export interface Outcome {
  readonly fault: Fault;
  /** Postponed: another page of its batch has mended it before its own was opened. */
  readonly verdict: 'passed' | 'failed' | 'postponed';
  /** Of a failure. */
  readonly why: string;
  /** Seconds: from the fault to its alert, and to somebody who was told; from the opening of its page until he was told of its end; all of it. */
  readonly fired: number;
  readonly told: number;
  readonly cleared: number;
  readonly whole: number;
}

/** What has become of one fault of a batch. */
interface Play {
  readonly fault: Fault;
  began: number;
  alert?: FiringAlert;
  fired?: number;
  told?: number;
  /** When its page was opened. */
  opened?: number;
  cleared?: number;
  isUndone: boolean;
  failure?: string;
  isPostponed?: true;
}

/** Faults made together; then their pages, one after the other. One that fails is undone, and the platform made whole for the next. */
export class Batch {
  private readonly platform: Platform;
  private readonly receiving: Receiving;
  private readonly say: (line: string) => void;
  private readonly plays: Play[];

  constructor(platform: Platform, receiving: Receiving, faults: readonly Fault[], say: (line: string) => void) {
    this.platform = platform;
    this.receiving = receiving;
    this.say = say;
    this.plays = faults.map((fault) => ({ fault, began: 0, isUndone: false }));
  }

  async play(): Promise<Outcome[]> {
    try {
      await this.makeAll();
      await this.allFire();
      await this.allAreDelivered();
      await this.followPages();
      await this.allAreCleared();
    } finally {
      await this.makeWhole();
    }
    return this.plays.map((play) => this.outcomeOf(play));
  }

  /** Ends it early: what was done is undone, and what only its page can mend is named. */
  async endEarly(): Promise<void> {
    await this.putBack();
    await this.forgetRules();
    for (const { fault } of this.plays.filter(({ began, cleared, fault: { make, undo } }) => began > 0 && cleared === undefined && make && !undo)) {
      this.say(`        ${fault.alert}: what its fault has broken is mended by  ./holdfast runbook show ${fault.alert}`);
    }
  }

  private get going(): Play[] {
    return this.plays.filter(({ failure, isPostponed }) => failure === undefined && !isPostponed);
  }

  private async attempt(play: Play, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      play.failure = (error as Error).message;
      this.say(`FAILED  ${play.fault.alert}: ${play.failure}`);
      await this.undo(play).catch((undone: unknown) => this.say(`        and could not be undone: ${(undone as Error).message}`));
    }
  }

  /** With its rule scaled, and before its fault, an alert is silent, and not about to fire either: the fault alone makes it fire. */
  private async makeAll(): Promise<void> {
    const silent = (play: Play): Promise<void> => this.attempt(play, async () => { await within(CLEARED_MS, `${play.fault.alert} to be silent before its fault`, async () => ((await isPendingOrFiring(this.platform, play.fault)) ? undefined : true)); });
    for (const play of this.plays) await this.attempt(play, async () => { await play.fault.prepare?.(this.platform); });
    for (const play of this.going.filter(({ fault }) => !fault.make)) await silent(play);
    const moved = Date.now();
    await useRules(this.platform, this.going.map(({ fault }) => fault));
    for (const play of this.going.filter(({ fault }) => fault.make)) await silent(play);
    for (const play of this.going) {
      play.began = play.fault.make ? Date.now() : moved;
      await this.attempt(play, async () => { await play.fault.make?.(this.platform); });
      await this.noteFiring();
    }
  }

  private async allFire(): Promise<void> {
    await this.all(FIRES_MS, 'to fire', () => this.noteFiring(), ({ alert }) => alert !== undefined);
  }

  private async noteFiring(): Promise<void> {
    const alerts = await alertsOf(this.platform);
    for (const play of this.going.filter(({ alert, began }) => !alert && began > 0)) {
      const alert = alerts.find((one) => fires(play.fault, one));
      if (alert) Object.assign(play, { alert, fired: secondsSince(play.began) });
    }
  }

  private async allAreDelivered(): Promise<void> {
    await this.all(DELIVERED_MS, 'to be delivered', () => {
      for (const play of this.going) {
        const at = this.receiving.toldOf(play.fault, 'firing', play.began);
        if (at === undefined) continue;
        play.told = Math.round((at - play.began) / 1000);
        // While others were being made nobody looked; who was told of it knows that it fired.
        play.fired = Math.min(play.fired ?? play.told, play.told);
      }
      return Promise.resolve();
    }, ({ told }) => told !== undefined);
    for (const { fault, fired, told } of this.going) this.say(`fired   ${fault.alert}: ${fault.what}; after ${fired} s, delivered after ${told} s`);
  }

  private async allAreCleared(): Promise<void> {
    await this.all(CLEARED_MS, 'to be told as cleared', () => {
      for (const play of this.going) {
        const at = this.receiving.toldOf(play.fault, 'resolved', play.opened ?? 0);
        if (at !== undefined) play.cleared = Math.round((at - (play.opened ?? 0)) / 1000);
      }
      return Promise.resolve();
    }, ({ cleared }) => cleared !== undefined);
  }

  /** Looks until it is so of every fault that still goes; where it is not in time, that one has failed. */
  private async all(budgetMs: number, what: string, look: () => Promise<void>, isSo: (play: Play) => boolean): Promise<void> {
    await within(budgetMs, what, async () => {
      await look();
      return this.going.every(isSo) ? true : undefined;
    }).catch((error: unknown) => error);
    for (const play of this.going.filter((one) => !isSo(one))) {
      await this.attempt(play, async () => Promise.reject(new Error(`not within ${budgetMs / 1000} s: ${play.fault.alert} ${what}${await this.heldBack(play)}`)));
    }
  }

  private async heldBack({ fault }: Play): Promise<string> {
    const { alert, labels } = fault;
    const quiet = (await firingAlerts(this.platform.instance).catch(() => [])).find((one) => one.name === alert && hasAll(one.labels, labels))?.quiet;
    return quiet ? `: it is ${quiet}` : '';
  }

  /** A page is opened when the one before it has come to its Check, which only looks, and may do so for minutes. */
  private async followPages(): Promise<void> {
    const followed: Promise<void>[] = [];
    for (const play of this.going) {
      if (mendsWhateverIsIll(pageNamed(play.fault.alert))) await Promise.all(followed);
      await new Promise<void>((next) => { followed.push(this.attempt(play, () => this.followPage(play, next)).finally(next)); });
    }
    await Promise.all(followed);
  }

  private async followPage(play: Play, comesToCheck: () => void): Promise<void> {
    const { fault, alert } = play;
    if (!(await alertsOf(this.platform)).some((one) => fires(fault, one))) {
      if (this.plays.length === 1) throw new Error('it ended before its page was opened');
      play.isPostponed = true;
      this.say(`later   ${fault.alert}: it was mended by the page of another`);
      await this.undo(play);
      return;
    }
    play.opened = Date.now();
    const watch = {
      before: async (section: string) => {
        if (section === 'Check' || (section === 'Act' && fault.undoBefore !== 'Check')) await this.undo(play);
        if (section === 'Check') comesToCheck();
        return true;
      },
      after: (step: { differences: readonly string[]; command: string; seconds: number }) => this.say(`        ${fault.alert}: ${step.differences.length === 0 ? 'ok' : 'NOT AS EXPECTED'} ${step.command.split('\n')[0]} (${step.seconds.toFixed(0)} s)`),
    };
    const page = await runPage(pageNamed(fault.alert), { instance: this.platform.instance.name, variables: variablesOf(fault, alert), watch });
    if (page.verdict !== 'as expected') throw new Error(`its page stopped: ${page.steps.at(-1)?.differences.join('; ') ?? ''}\n${page.steps.at(-1)?.output.slice(-800) ?? ''}`);
  }

  /** Once: the page would be disturbed by a fault that is undone again. */
  private async undo(play: Play): Promise<void> {
    if (play.isUndone || play.began === 0) return;
    play.isUndone = true;
    await play.fault.undo?.(this.platform);
    if (!play.fault.make) await this.moveBack();
  }

  /** Thresholds that were moved onto what is, where they stood. */
  private async moveBack(): Promise<void> {
    await useRules(this.platform, this.plays.map(({ fault }) => fault), new Set(this.plays.filter(({ fault, isUndone }) => isUndone && !fault.make).map(({ fault }) => fault)));
  }

  /** What the pages have mended is whole; after anything else `up` makes it so, and old scaled rules are gone. */
  private async makeWhole(): Promise<void> {
    await this.putBack();
    if (this.going.length < this.plays.length) {
      const { exitCode, stdout, stderr } = await this.platform.command('up');
      if (exitCode !== 0) this.say(`        up exited ${exitCode}: ${(stderr || stdout).trim().slice(-300)}`);
      await this.platform.healthy(WHOLE_AGAIN_MS).catch((error: unknown) => this.say(`        ${(error as Error).message}`));
    }
    await this.forgetRules();
  }

  /** Faults are undone, and what was prepared for them is taken back. */
  private async putBack(): Promise<void> {
    for (const play of this.plays) await this.undo(play).catch(() => undefined);
    for (const { fault } of this.plays) await fault.tidy?.(this.platform).catch((error: unknown) => this.say(`        ${fault.alert} is not tidied: ${(error as Error).message}`));
  }

  private async forgetRules(): Promise<void> {
    await useRules(this.platform, []).catch((error: unknown) => this.say(`        ${(error as Error).message}`));
  }

  private outcomeOf({ fault, began, fired = 0, told = 0, opened = 0, cleared = 0, failure, isPostponed }: Play): Outcome {
    const verdict = isPostponed ? 'postponed' : failure === undefined ? 'passed' : 'failed';
    return { fault, verdict, why: failure ?? '', fired, told, cleared, whole: Math.round((opened - began) / 1000) + cleared };
  }
}

function fires({ alert, labels }: Fault, one: FiringAlert): boolean {
  return one.state === 'firing' && one.labels.alertname === alert && hasAll(one.labels, labels);
}

function hasAll(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

/** Variables of a page are called as the labels, in capitals. */
function variablesOf(fault: Fault, alert: FiringAlert | undefined): Record<string, string> {
  const { needs } = pageNamed(fault.alert);
  const ofLabels = Object.entries(alert?.labels ?? {}).map(([label, value]) => [label.toUpperCase(), value] as const).filter(([name]) => needs.some((need) => need.name === name));
  return { ...Object.fromEntries(ofLabels), ...fault.variables };
}

function secondsSince(began: number): number {
  return Math.round((Date.now() - began) / 1000);
}
