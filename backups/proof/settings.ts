import type { Slot } from '../schedule.ts';

/** What `holdfast` writes for the proof (platform/cli/backups/configure.ts): read anew each time. */
export interface ProofSettings {
  readonly schedule: Slot;
  /** core first, then the ledgers in the order of their shards. */
  readonly clusters: readonly string[];
}
