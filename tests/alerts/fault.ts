import type { Platform } from '../kit/platform.ts';

/** What makes an alert fire on a running platform, and how its page is told which one it is about. */
export interface Fault {
  readonly alert: string;
  /** In the words of FIRED.md. */
  readonly what: string;
  /** Labels that the alert must carry, which become the variables of its page. */
  readonly labels: Readonly<Record<string, string>>;
  /** What has to be so before, and is not on every installation: a kit that was exported, a second place. */
  readonly prepare?: (platform: Platform) => Promise<void>;
  /** Breaks something. Without it nothing is broken: the threshold is moved onto what is, until the page has looked, and `what` says so. */
  readonly make?: (platform: Platform) => Promise<void>;
  /** Puts things right where the page cannot, as it cannot know that they were only played: when it has looked. Also when the alert did not fire. */
  readonly undo?: (platform: Platform) => Promise<void>;
  /** Where the page needs the fault for its Act as well. */
  readonly undoBefore?: 'Check';
  /** Takes back what was prepared, and what the page has changed for good. */
  readonly tidy?: (platform: Platform) => Promise<void>;
  /** Variables of its page that are no labels of the alert. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly scaled?: Scaled;
  /** Components and clusters that are worse off meanwhile, beside those of its labels: no other fault of its batch may be about them. */
  readonly touches?: readonly string[];
  /** What has to be well meanwhile, for the fault to be made or for its page to be followed. `requests`: that people register, sign in and are answered; `transactions`: that they move money, on both shards. */
  readonly needs?: readonly string[];
  /** Others could not be told from it, or would be mended with it. */
  readonly alone?: true;
  /** Fired by every run; the others by `--full`. */
  readonly always?: true;
}

/** What a test cannot wait for, made shorter; from what to what. Never another expression. */
export interface Scaled {
  readonly for?: string;
  readonly number?: Exchange | readonly Exchange[];
  /** A window, or how far back is looked, wherever it stands: `['15m', '2m']`. */
  readonly range?: Exchange;
}

export type Exchange = readonly [from: string, to: string];

export const stopped = (service: string) => (platform: Platform): Promise<void> => platform.stop(service);
export const started = (service: string) => (platform: Platform): Promise<void> => platform.start(service);
export const frozen = (service: string) => async (platform: Platform): Promise<void> => platform.signal(await platform.container(service), 'SIGSTOP');
export const thawed = (service: string) => async (platform: Platform): Promise<void> => platform.signal(await platform.container(service), 'SIGCONT');
