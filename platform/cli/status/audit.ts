import { queryMetrics } from '../monitoring.ts';
import type { Instance } from '../instance.ts';
import type { Concern } from './concern.ts';

/** One is written every minute, and Prometheus asks four times a minute. */
const LATE_S = 300;

/** When the audit trail was last signed, whether it is what was signed, and whether its checkpoints lie in one place only. */
export async function auditConcerns(instance: Instance): Promise<Concern[]> {
  const [broken] = await queryMetrics(instance, 'max(audit_trail_broken)');
  const [signed] = await queryMetrics(instance, 'max(audit_checkpoint_timestamp_seconds)');
  return [lastCheckpoint(broken?.value ?? 0, signed?.value ?? 0), ...(instance.settings.auditSecondPlace === undefined ? [onePlace] : [])];
}

const onePlace: Concern = { about: 'audit checkpoints', says: 'on this machine only', state: 'attention', next: './holdfast audit second-place DIRECTORY' };

function lastCheckpoint(broken: number, signed_s: number): Concern {
  const about = 'last checkpoint';
  if (broken > 0) return { about, says: 'the audit trail is not as it was signed', state: 'trouble', next: './holdfast audit verify' };
  if (signed_s === 0) return { about, says: 'none yet', state: 'attention', next: './holdfast logs audit' };
  const age_s = Math.max(0, Date.now() / 1_000 - signed_s);
  const says = `${age_s < 120 ? `${Math.round(age_s)} s` : `${Math.round(age_s / 60)} min`} ago`;
  return age_s > LATE_S ? { about, says, state: 'trouble', next: './holdfast logs audit' } : { about, says, state: 'good' };
}
