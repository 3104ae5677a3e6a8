import type { Instance } from '../instance.ts';
import { readUpgrade } from '../upgrade/attempt.ts';
import type { Concern } from './concern.ts';

/** An upgrade that stands half-way: until somebody goes back or on, the databases may be ahead of what runs. */
export async function upgradeConcerns(instance: Instance): Promise<Concern[]> {
  const attempt = await readUpgrade(instance);
  if (!attempt) return [];
  const { from, to, refused } = attempt;
  return [{ about: 'upgrade', says: refused === undefined ? `from ${from} to ${to} was not finished` : `to ${to} was given up, ${from} runs on: ${refused}`, state: 'trouble', next: './holdfast runbook show upgrade-failed' }];
}
