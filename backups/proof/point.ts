import { randomInt } from 'node:crypto';
import { millisecondsOf } from '../../platform/cli/recover/cut.ts';

const DAY_MS = 86_400_000;

/**
 * A random second of the last day, after all of these moments (the end of the first backup of every cluster is one) and before the last transaction that can be
 * restored, or nothing where there is none. Random, so that no stretch of WAL stays untried for long.
 */
export function randomSecond(after_ms: readonly number[], end: string, random: (below: number) => number = randomInt): string | undefined {
  const until = Math.floor(millisecondsOf(end) / 1000);
  const from = Math.ceil(Math.max(...after_ms, until * 1000 - DAY_MS) / 1000) + 1;
  if (from >= until) return undefined;
  return asPostgresWritesIt(from + random(until - from));
}

/** A moment before which every transaction that was to commit has, or never will: writers wait for 20 s at most. */
export function settledBefore(point: string): string {
  return asPostgresWritesIt(Math.floor(millisecondsOf(point) / 1000) - 60);
}

function asPostgresWritesIt(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace(/\.000Z$/, '.000000+00');
}
