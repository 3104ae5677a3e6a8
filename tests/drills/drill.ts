import type { Damage } from './damage.ts';
import type { Platform } from '../kit/platform.ts';

/** What a drill may lay hands on. */
export interface Scene {
  readonly platform: Platform;
  readonly damage: Damage;
  readonly say: (line: string) => void;
}

/** One disaster, and the page by which it is mended. It stands in a file of the page's name: `<page>.drill.ts`. */
export interface Drill {
  /** In runbooks/procedures. */
  readonly page: string;
  /** From the disaster to the end of the page and money moving on every shard. */
  readonly budgetMs: number;
  /** Whether it is short enough for every run of the tests: those of `./holdfast test --only drills`. */
  readonly inEveryTest?: true;
  /** What the page needs, where it is not for the disaster to say. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Breaks it, for good: nothing comes back by itself. Says what the page needs to know. */
  readonly disaster: (scene: Scene) => Promise<Readonly<Record<string, string>>>;
  /** What is to be equal beside ledger, reports and events; a sentence for each thing that is not. */
  readonly alsoEqual?: (scene: Scene) => Promise<string[]>;
  /** Before the disaster: what `alsoEqual` will be held against. */
  readonly remember?: (scene: Scene) => Promise<void>;
  /** Takes away what the drill itself has put there, whatever came of it. */
  readonly tidy?: (scene: Scene) => Promise<void>;
}
