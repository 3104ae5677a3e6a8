import { queryMetrics } from '../monitoring.ts';
import type { Instance } from '../instance.ts';
import type { Concern } from './concern.ts';

/** As the alert RestoreProofTooOld. */
const PROOF_AGE_MAX_HOURS = 26;

/** How old the backups are, whether they are intact, and whether they would outlive the disk. As Prometheus has it, which is at most a minute old. */
export async function backupConcerns(instance: Instance): Promise<Concern[]> {
  const [oldest] = await queryMetrics(instance, 'max(time() - backup_last_success_timestamp_seconds{type="incremental"})');
  const [late] = await queryMetrics(instance, 'count(time() - backup_last_success_timestamp_seconds > on (type) group_left () backup_allowed_age_seconds)');
  const [damaged] = await queryMetrics(instance, 'sum(backup_verify_errors)');
  const [proven] = await queryMetrics(instance, 'time() - restore_proof_last_success_timestamp_seconds < 1e9');
  const [failed] = await queryMetrics(instance, 'restore_proof_result == 0 and restore_proof_last_success_timestamp_seconds > 0');
  const [shares] = await queryMetrics(instance, 'backup_shares_disk');
  if (!oldest) return [{ about: 'backups', says: 'their scheduler tells nothing', state: 'attention', next: './holdfast logs backup-scheduler' }];
  const minutes = oldest.value / 60;
  const age = minutes < 120 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
  const isLate = late !== undefined && late.value > 0;
  return [
    { about: 'last backup', says: `every cluster has one of the last ${age}`, state: isLate ? 'attention' : 'good', ...(isLate && { next: './holdfast backups' }) },
    proofConcern(proven?.value, failed !== undefined),
    ...(damaged && damaged.value > 0 ? [{ about: 'backups', says: `${damaged.value} of their files are missing or damaged`, state: 'trouble', next: './holdfast runbook show backup-damaged' } as const] : []),
    ...(shares?.value === 1 ? [{ about: 'backups', says: 'share the disk they protect', state: 'attention', next: './holdfast backups add-repository --path DIR' } as const] : []),
  ];
}

function proofConcern(age_seconds: number | undefined, hasFailed: boolean): Concern {
  const about = 'restore proof';
  const next = './holdfast prove-restore';
  if (age_seconds === undefined) return { about, says: 'none has succeeded yet', state: 'attention', next };
  const hours = age_seconds / 3600;
  const when = hours < 1 ? 'within the last hour' : `${Math.round(hours)} h ago`;
  if (hasFailed) return { about, says: `the last one failed; that before it succeeded ${when}`, state: 'trouble', next };
  const says = `the backups were restored and found whole ${when}`;
  return hours > PROOF_AGE_MAX_HOURS ? { about, says, state: 'attention', next } : { about, says, state: 'good' };
}
