import { setTimeout as pause } from 'node:timers/promises';

/** How long a store may take to answer after a cold start on two busy cores. */
const BUDGET_MS = 180_000;
const RETRY_MS = 1000;

/** A fault that waiting does not mend. */
export class SetupError extends Error {}

/** Repeats an idempotent step until it succeeds: stores come up in their own time. Faults of ours end it at once. */
export async function withinBudget<T>(name: string, step: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + BUDGET_MS;
  let last = '';
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (error instanceof SetupError || Date.now() > deadline) throw error;
      const message = (error as Error).message;
      if (message !== last) console.log(`${name}: waiting (${message})`);
      last = message;
      await pause(RETRY_MS);
    }
  }
}
