import type { Instance } from '../instance.ts';
import { firingAlerts, type Alert } from '../monitoring.ts';
import type { Concern } from './concern.ts';

const NAMED_MAX = 4;

export async function alertConcerns(instance: Instance): Promise<Concern[]> {
  return [concernOfAlerts(await firingAlerts(instance)), concernOfReceivers(instance)];
}

/** Pages are trouble; tickets and what somebody has silenced want attention. */
export function concernOfAlerts(alerts: readonly Alert[]): Concern {
  const loud = alerts.filter(({ severity }) => severity !== 'none');
  if (loud.length === 0) return { about: 'alerts', says: 'none fires', state: 'good' };
  const names = [...new Set(loud.map(({ name }) => name))];
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  const state = loud.some(({ severity, quiet }) => severity === 'page' && quiet !== 'silenced') ? 'trouble' : 'attention';
  return { about: 'alerts', says: `${names.slice(0, NAMED_MAX).join(', ')}${more}`, state, next: './holdfast alerts' };
}

function concernOfReceivers({ settings }: Instance): Concern {
  const receivers = settings.receivers ?? [];
  if (receivers.length > 0) return { about: 'who is told', says: receivers.map(({ name }) => name).join(', '), state: 'good' };
  return { about: 'who is told', says: 'nobody', state: 'attention', next: './holdfast alerts send-to --help' };
}
