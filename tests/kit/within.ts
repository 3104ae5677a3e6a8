import { setTimeout as pause } from 'node:timers/promises';

const INTERVAL_MS = 250;

/**
 * Asks until the answer is not undefined, and returns it. When the budget has passed it throws, naming what was waited
 * for and what the last attempt said. The pause between two questions is not a wait for anything: see `budgets.ts`.
 */
export async function within<T>(budgetMs: number, what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + budgetMs;
  let last: string;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      last = 'not yet';
    } catch (error) {
      last = (error as Error).message;
    }
    if (Date.now() > deadline) throw new Error(`not within ${budgetMs / 1000} s: ${what} (${last})`);
    await pause(INTERVAL_MS);
  }
}
