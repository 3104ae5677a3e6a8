import type { Instance } from '../instance.ts';
import { kitState } from '../recovery-kit/record.ts';
import type { Concern } from './concern.ts';

/** Whether another machine could take over: a kit with the secrets as they are now has been exported. */
export async function recoveryKitConcerns(instance: Instance): Promise<Concern[]> {
  const { current, made_at } = await kitState(instance);
  const about = 'recovery kit';
  if (made_at === null) return [{ about, says: 'there is none: without it nobody can read the backups', state: 'attention', next: './holdfast recovery-kit export FILE' }];
  return [current ? { about, says: `of ${made_at}, has every secret as it is now`, state: 'good' } : { about, says: `of ${made_at}, is out of date`, state: 'attention', next: './holdfast recovery-kit check' }];
}
