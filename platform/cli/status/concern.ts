import type { Instance } from '../instance.ts';

/** One line of `status` beside the components: what an operator wants to know although nothing is broken yet. */
export interface Concern {
  /** What it is about, such as "last backup". */
  readonly about: string;
  /** What is so, in a few words. */
  readonly says: string;
  /** `trouble`: status ends with 1. */
  readonly state: 'good' | 'attention' | 'trouble';
  /** The command that tells more, or mends it. */
  readonly next?: string;
}

/** Asks for what it is about. It throws where that cannot be told now: `status` says so and goes on. */
export type ConcernSource = (instance: Instance) => Promise<readonly Concern[]>;
