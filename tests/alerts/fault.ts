import type { Platform } from '../kit/platform.ts';

/** What makes an alert fire on a running platform, and how its page is told which one it is about. */
export interface Fault {
  readonly alert: string;
  /** In the words of FIRED.md. */
  readonly what: string;
  /** Labels that the alert must carry, which become the variables of its page. */
  readonly labels: Readonly<Record<string, string>>;
  readonly make: (platform: Platform) => Promise<void>;
  /** Puts things right where the page does not, as it cannot know that they were only played. */
  readonly undo?: (platform: Platform) => Promise<void>;
  /** What the rule waits for is scaled: another `for`, or another number in the place of one. Never another expression. */
  readonly scaled?: { readonly for?: string; readonly number?: readonly [string, string] };
  /** Fired by every run; the others by `--full`. */
  readonly always?: true;
}

export const stopped = (service: string) => (platform: Platform): Promise<void> => platform.stop(service);
export const started = (service: string) => (platform: Platform): Promise<void> => platform.start(service);
export const frozen = (service: string) => async (platform: Platform): Promise<void> => platform.signal(await platform.container(service), 'SIGSTOP');
export const thawed = (service: string) => async (platform: Platform): Promise<void> => platform.signal(await platform.container(service), 'SIGCONT');
