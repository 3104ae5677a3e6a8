import type { PageRun } from '../../runbooks/runner/run-page.ts';
import type { Damage } from './damage.ts';
import type { Invocation } from '../faults/history.ts';
import type { Platform } from '../kit/platform.ts';

/** What a drill may lay hands on. */
export interface Scene {
  readonly platform: Platform;
  readonly damage: Damage;
  readonly say: (line: string) => void;
  /** Writes that clients were told to be done, so far. */
  readonly acknowledged: () => number;
}

/** Times are ms since 1970. */
export interface Restored {
  readonly moment_ms: number;
  /** When it took the place of the old: what is acknowledged from then on stays. */
  readonly placed_ms: number;
  /** Whether the moment was chosen: then nothing after it may be there. Otherwise it is how far the WAL reached. */
  readonly isChosen: boolean;
}

/** One disaster, and the page by which it is mended. It stands in a file of the page's name: `<page>.drill.ts`. */
export interface Drill {
  /** In runbooks/procedures. */
  readonly page: string;
  /** From the disaster to the end of the page and money moving on every shard. */
  readonly budgetMs: number;
  /** The most that may be lost, from the moment restored to until the disaster, where the moment was not chosen. */
  readonly rpoMaxMs?: number;
  /** Whether it is short enough for every run of the tests: those of `./holdfast test --only drills`. */
  readonly inEveryTest?: true;
  /** What the page needs, where it is not for the disaster to say. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Breaks it, for good: nothing comes back by itself. Says what the page needs to know. */
  readonly disaster: (scene: Scene) => Promise<Readonly<Record<string, string>>>;
  /** What is to be equal beside ledger, reports and events; a sentence for each thing that is not. `undone`: what a restore has taken back of what clients were told. */
  readonly alsoEqual?: (scene: Scene, undone: readonly Invocation[]) => Promise<string[]>;
  /** Whether Kafka's data goes too, and is filled again only with what its readers have not seen: that they have seen all is for `alsoEqual`. */
  readonly emptiesKafka?: true;
  /** Before the disaster: what `alsoEqual` will be held against. */
  readonly remember?: (scene: Scene) => Promise<void>;
  /** Where the page restores to an earlier moment, on purpose: what was acknowledged after it is lost. */
  readonly restoresTo?: (scene: Scene, page: PageRun) => Promise<Restored>;
  /** Takes away what the drill itself has put there, whatever came of it. */
  readonly tidy?: (scene: Scene) => Promise<void>;
}
